/** The dot with its text, and the host: the left end of a tab's toolbar. */

import { Widget } from '@lumino/widgets';
import type { Condition } from './condition';

export class Status extends Widget {
  private readonly dot = document.createElement('span');
  private readonly host = document.createElement('span');
  private readonly words = document.createElement('span');
  private readonly spoken = document.createElement('span');

  constructor() {
    super();
    this.addClass('jssh-Status');
    this.dot.className = 'jssh-Dot';
    this.dot.setAttribute('aria-hidden', 'true');
    this.host.className = 'jssh-Status-host';
    this.words.className = 'jssh-Status-words';
    this.words.setAttribute('aria-hidden', 'true');
    this.spoken.className = 'jssh-Status-spoken';
    this.spoken.setAttribute('role', 'status');
    this.node.append(this.dot, this.host, this.words, this.spoken);
  }

  /** Show the condition; `transport` is for the tooltip. */
  display(host: string, condition: Condition, transport: string): void {
    this.node.dataset['state'] = condition.dot;
    this.host.textContent = host;
    this.words.textContent = condition.dot === 'connected' || condition.strip !== null ? '' : condition.text;
    const said = condition.text.includes(host) ? condition.text : `${host}: ${condition.text}`;
    this.node.title = [said, transport].filter(Boolean).join('\n');
    if (this.spoken.textContent !== condition.text) {
      this.spoken.textContent = condition.text; // announced only when it changes
    }
  }
}
