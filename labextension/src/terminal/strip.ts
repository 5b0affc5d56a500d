/** The strip above a terminal: what happened, and what can be done about it. */

import { Widget } from '@lumino/widgets';
import { element } from '../dialogs/elements';
import type { TranslationBundle } from '../translation';
import { labelsOfActions, type Action, type Condition } from './condition';

export class Strip extends Widget {
  private shown = '';
  private readonly body = element('div', 'jssh-Strip-body');

  constructor(
    private readonly onAction: (action: Action) => void,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('jssh-Strip');
    this.node.setAttribute('role', 'status');
    this.node.append(this.body);
    this.hide();
  }

  /** Show what the condition says, or nothing. */
  display(strip: Condition['strip']): void {
    const now = JSON.stringify(strip);
    if (now === this.shown) {
      return;
    }
    this.shown = now;
    this.body.replaceChildren();
    if (strip === null) {
      this.hide();
      return;
    }
    const labels = labelsOfActions(this.trans);
    const actions = element('span', 'jssh-Strip-actions');
    this.body.append(element('span', 'jssh-Strip-text', strip.text), actions);
    for (const action of strip.actions) {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = `jssh-Button jp-mod-styled ${action === strip.actions[0] ? 'jp-mod-accept' : 'jp-mod-reject'}`;
      button.textContent = labels[action];
      button.dataset['action'] = action;
      button.addEventListener('click', () => this.onAction(action));
      actions.append(button);
    }
    if (strip.report) {
      const report = element('pre', 'jssh-Strip-report', strip.report);
      report.tabIndex = 0; // so that the keyboard can scroll it
      this.body.append(report);
    }
    this.show();
    this.fit();
  }

  protected override onAfterShow(): void {
    this.takeRoom();
  }

  protected override onFitRequest(): void {
    this.takeRoom();
  }

  protected override onResize(): void {
    this.takeRoom();
  }

  /** Set the height: the layout uses the one in the widget's style, not the one that its text needs. */
  private takeRoom(): void {
    const height = `${this.body.offsetHeight}px`;
    if (this.isVisible && this.node.style.minHeight !== height) {
      this.node.style.minHeight = height;
      this.parent?.fit();
    }
  }
}
