/** The strip above a terminal: what happened, and what can be done about it. */

import { Widget } from '@lumino/widgets';
import { LABELS, type Action, type Condition } from './condition';

export class Strip extends Widget {
  private shown = '';

  constructor(private readonly onAction: (action: Action) => void) {
    super();
    this.addClass('jssh-Strip');
    this.node.setAttribute('role', 'status');
    this.hide();
  }

  /** Show what the condition says, or nothing. */
  display(strip: Condition['strip']): void {
    const now = JSON.stringify(strip);
    if (now === this.shown) {
      return;
    }
    this.shown = now;
    this.node.replaceChildren();
    if (strip === null) {
      this.hide();
      return;
    }
    const text = document.createElement('span');
    text.className = 'jssh-Strip-text';
    text.textContent = strip.text;
    this.node.append(text);
    for (const action of strip.actions) {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = `jssh-Button jp-mod-styled ${action === strip.actions[0] ? 'jp-mod-accept' : 'jp-mod-reject'}`;
      button.textContent = LABELS[action];
      button.dataset['action'] = action;
      button.addEventListener('click', () => this.onAction(action));
      this.node.append(button);
    }
    this.show();
  }
}
