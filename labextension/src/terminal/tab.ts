/** A session in a tab of its own. */

import { MainAreaWidget } from '@jupyterlab/apputils';
import type { Terminal } from '@jupyterlab/terminal';
import { LabIcon, Toolbar, ToolbarButton, refreshIcon } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { askOnClose } from '../dialogs/close';
import type { SettingsStore } from '../settings';
import iconText from '../../style/icon.svg';
import type { TranslationBundle } from '../translation';
import type { SessionView } from './view';

export const sshIcon = new LabIcon({ name: 'jupyter-ssh:terminal', svgstr: iconText });

export class SessionTab extends MainAreaWidget<Terminal> {
  private isAsking = false;

  constructor(
    readonly view: SessionView,
    readonly place: string,
    private readonly settings: Pick<SettingsStore, 'current' | 'setOnClose'>,
    private readonly trans: TranslationBundle,
    private readonly end: () => void,
    readonly reconnect: () => void
  ) {
    super({ content: view.terminal, reveal: view.terminal.ready });
    this.id = `jssh-${place}-${view.session}`;
    this.addClass('jssh-Tab');
    this.title.icon = sshIcon;
    this.title.closable = true;
    this.toolbar.addItem('status', view.status);
    this.toolbar.addItem('spacer', Toolbar.createSpacerItem());
    this.toolbar.addItem(
      'reconnect',
      new ToolbarButton({
        icon: refreshIcon,
        tooltip: trans.__('Reconnect'),
        onClick: reconnect,
        className: 'jssh-Reconnect'
      })
    );
    this.contentHeader.addWidget(view.strip);
    this.node.append(view.questions.node);
    view.changed.connect(this.retitle, this);
    view.terminal.title.changed.connect(this.retitle, this);
    this.retitle();
  }

  /** Close without asking. */
  closeNow(): void {
    this.dispose();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.view.dispose();
      super.dispose();
    }
  }

  protected override onCloseRequest(): void {
    if (!this.view.isAlive) {
      if (this.view.description?.state === 'ended' || this.view.description?.state === 'lost') {
        this.end();
      }
      this.dispose();
      return;
    }
    if (!this.isAsking) {
      this.isAsking = true;
      void this.ask().finally(() => {
        this.isAsking = false;
      });
    }
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this.view.focus();
  }

  private async ask(): Promise<void> {
    const preset = this.settings.current.onClose;
    const answer =
      preset === 'ask' ? await askOnClose(this.view.label, this.trans) : { choice: preset, remember: false };
    if (this.isDisposed) {
      return;
    }
    if (answer === null) {
      this.view.focus(); // the close button had the focus
      return;
    }
    if (answer.remember) {
      await this.settings.setOnClose(answer.choice);
    }
    if (answer.choice === 'end') {
      this.end();
    }
    this.dispose();
  }

  private retitle(): void {
    if (this.isDisposed) {
      return;
    }
    const { label, condition, description } = this.view;
    this.title.label = label;
    this.title.caption = [description?.name ?? label, condition.text, this.view.transport].filter(Boolean).join('\n');
    this.title.className = `jssh-TabLabel jssh-mod-${condition.dot}`;
  }
}
