/**
 * Lab's dialog "Server Connection Error" takes the keyboard from a person typing in a terminal, and stays when the
 * connection is back and its text is no longer true: it is then closed, and the focus returns to where it was.
 */

import { Dialog } from '@jupyterlab/apputils';
import type { ITranslator } from '@jupyterlab/translation';

/** What a terminal remembers about the dialog that took its focus. */
export class LossDialog {
  private dialog: Element | null = null;

  constructor(
    private readonly translator: ITranslator,
    private readonly terminal: HTMLElement
  ) {
    terminal.addEventListener('focusout', event => {
      const next = event.relatedTarget;
      this.dialog = next instanceof Element ? next.closest('.jp-Dialog') : this.dialog;
    });
    terminal.addEventListener('focusin', () => {
      this.dialog = null;
    });
  }

  /** The connection is back: close the dialog if it is Lab's about the loss. */
  dismiss(): void {
    const { dialog: node } = this;
    this.dialog = null;
    if (node?.isConnected !== true || !this.terminal.isConnected) {
      return;
    }
    const title = this.translator.load('jupyterlab').__('Server Connection Error');
    if (node.querySelector('.jp-Dialog-header')?.textContent.trim() !== title) {
      return;
    }
    Dialog.tracker.find(dialog => dialog.node === node)?.reject(); // Lab gives the focus back
  }
}
