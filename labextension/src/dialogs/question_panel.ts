/**
 * A question on top of what it is about: a remote program cannot draw there, and it does not take the focus from
 * elsewhere.
 */

import type { Answer, Question } from '../services/questions/messages';
import type { TranslationBundle } from '../translation';
import { button, element, freshId } from './elements';
import { formOf, titleOf } from './question_forms';

export type OnAnswer = (question: string, answer: Answer) => void;

export class QuestionPanel {
  readonly node = element('div', 'jssh-Questions');
  private shown: string | null = null;
  private first: HTMLElement | null = null;

  constructor(
    private readonly onAnswer: OnAnswer,
    /** Returns the focus once there is nothing to answer. */
    private readonly focusBehind: () => void,
    private readonly trans: TranslationBundle
  ) {
    this.node.setAttribute('role', 'dialog');
    this.node.hidden = true;
  }

  /** Show a question, or nothing. `host` is the machine it is about, or empty. */
  display(question: Question | null, host: string, takeFocus: boolean): void {
    if ((question?.question ?? null) === this.shown) {
      return;
    }
    const hadFocus = this.node.contains(document.activeElement);
    this.clear();
    this.shown = question?.question ?? null;
    if (question === null) {
      this.node.hidden = true;
      if (hadFocus) {
        this.focusBehind();
      }
      return;
    }
    this.build(question, host);
    this.node.hidden = false;
    if (takeFocus || hadFocus) {
      this.focus();
    }
  }

  /** Focus the field for the answer. */
  focus(): void {
    this.first?.focus();
  }

  /** Whether a question is waiting for its answer. */
  get isShown(): boolean {
    return !this.node.hidden;
  }

  dispose(): void {
    this.clear();
    this.node.remove();
  }

  /** Leave nothing of an answer in a field. */
  private clear(): void {
    for (const input of this.node.querySelectorAll('input')) {
      input.value = '';
    }
    this.node.replaceChildren();
    this.first = null;
  }

  private build(question: Question, host: string): void {
    const form = formOf(question, this.trans);
    const id = question.question;
    const titleId = freshId('question');
    this.node.setAttribute('aria-labelledby', titleId);
    const title = element('h2', 'jssh-Questions-title', titleOf(question, host, this.trans));
    title.id = titleId;
    const accept = button(form.accept, form.danger ? 'warn' : 'accept', () => undefined);
    accept.type = 'submit';
    const refuse = form.refuse === '' ? [] : [button(form.refuse, 'reject', () => this.onAnswer(id, null))];
    const sheet = element(
      'form',
      'jssh-Questions-sheet',
      title,
      ...form.body,
      element('div', 'jssh-Questions-buttons', ...refuse, accept)
    );
    sheet.autocomplete = 'off';
    sheet.addEventListener('submit', event => {
      event.preventDefault();
      this.onAnswer(id, form.take());
    });
    sheet.addEventListener('keydown', event => {
      event.stopPropagation(); // Lab's shortcuts do not apply inside
      if (event.key === 'Escape') {
        event.preventDefault();
        this.onAnswer(id, null);
      }
    });
    this.node.append(sheet);
    form.guard?.(isForbidden => {
      accept.disabled = isForbidden; // Enter then does nothing, either
    });
    this.first = form.first ?? (form.isCautious === true ? refuse[0] : null) ?? accept;
  }
}
