/**
 * The questions of one session, in a panel over its terminal: a remote program cannot draw there, and whoever works in
 * another tab keeps the focus.
 */

import type { Answer, Question } from '../protocol/messages';
import { button, element, freshId, remoteText } from './elements';

export type OnAnswer = (question: string, answer: Answer) => void;

/** A form's parts: what it shows, where the focus goes, and what it answers. */
interface Form {
  body: Node[];
  first: HTMLElement | null;
  accept: string;
  refuse: string;
  /** Read the fields, clear them, and give the answer. */
  take: () => Answer;
  danger?: boolean;
  /** Called once with a way to forbid the answer for now. */
  guard?: (forbid: (isForbidden: boolean) => void) => void;
}

export class QuestionPanel {
  readonly node = element('div', 'jssh-Questions');
  private shown: string | null = null;
  private first: HTMLElement | null = null;

  constructor(
    private readonly host: () => string,
    private readonly onAnswer: OnAnswer,
    private readonly focusBehind: () => void
  ) {
    this.node.setAttribute('role', 'dialog');
    this.node.hidden = true;
  }

  /** Show the oldest of the questions; the focus goes there if it is in the tab or nowhere. */
  display(questions: Question[], takeFocus: boolean): void {
    const question = questions[0] ?? null;
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
    this.build(question);
    this.node.hidden = false;
    if (takeFocus || hadFocus) {
      this.focus();
    }
  }

  /** Put the focus where the answer goes. */
  focus(): void {
    this.first?.focus();
  }

  /** Whether a question waits for its answer. */
  get isShown(): boolean {
    return !this.node.hidden;
  }

  dispose(): void {
    this.clear();
    this.node.remove();
  }

  /** Nothing of an answer stays in a field. */
  private clear(): void {
    for (const input of this.node.querySelectorAll('input')) {
      input.value = '';
    }
    this.node.replaceChildren();
    this.first = null;
  }

  private build(question: Question): void {
    const form = FORMS[question.kind](question as never);
    const id = question.question;
    const titleId = freshId('question');
    this.node.setAttribute('aria-labelledby', titleId);
    const title = element('h2', 'jssh-Questions-title', titleOf(question, this.host()));
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
      event.stopPropagation(); // no shortcut of Lab's inside
      if (event.key === 'Escape') {
        event.preventDefault();
        this.onAnswer(id, null);
      }
    });
    this.node.append(sheet);
    form.guard?.(isForbidden => {
      accept.disabled = isForbidden; // Enter does nothing then, either
    });
    this.first = form.first ?? accept;
  }
}

function titleOf(question: Question, host: string): string {
  switch (question.kind) {
    case 'host-key':
      return 'Is this the right machine?';
    case 'secret':
      return `Log in to ${host}`;
    case 'prompts':
      return question.name.trim() === '' ? `${host} asks` : `${host} asks: ${remoteText(question.name, 200)}`;
    case 'notice':
      return question.remote ? `A message from ${host}` : 'Please note';
  }
}

const FORMS: { [K in Question['kind']]: (question: Question & { kind: K }) => Form } = {
  'host-key': question => {
    const compare = element('input', 'jssh-Input');
    compare.type = 'text';
    compare.spellcheck = false;
    compare.id = freshId('compare');
    compare.placeholder = 'SHA256:…';
    const verdict = element('div', 'jssh-Verdict');
    verdict.setAttribute('role', 'status');
    verdict.id = freshId('verdict');
    compare.setAttribute('aria-describedby', verdict.id);
    const label = element('label', 'jssh-Label', 'If you were given the fingerprint, paste it here to compare:');
    label.htmlFor = compare.id;
    let forbid: (isForbidden: boolean) => void = () => undefined;
    compare.addEventListener('input', () => {
      const given = compare.value.trim();
      const same = matches(given, question.sha256, question.md5);
      verdict.textContent = given === '' ? '' : same ? 'It is the same.' : 'It is another one.';
      verdict.dataset['same'] = String(same);
      forbid(given !== '' && !same);
    });
    compare.addEventListener('keydown', event => {
      if (event.key === 'Enter' && compare.value.trim() === '') {
        event.preventDefault(); // it may have been meant for the terminal, and trust is no accident
        verdict.textContent = 'To go on without comparing, choose “Trust and connect”.';
        delete verdict.dataset['same'];
      }
    });
    const art = element('pre', 'jssh-Art', question.randomart);
    art.setAttribute('aria-hidden', 'true');
    return {
      body: [
        element('p', '', `${question.host} is not known yet. It shows this ${question.key_type} key:`),
        element(
          'div',
          'jssh-Key',
          element(
            'dl',
            'jssh-Fingerprints',
            element('dt', '', 'SHA-256'),
            element('dd', '', question.sha256),
            element('dt', '', 'MD5'),
            element('dd', '', question.md5)
          ),
          art
        ),
        ...newNotes(question).map(note => element('p', 'jssh-Note', remoteText(note))),
        label,
        compare,
        verdict,
        element(
          'p',
          'jssh-Hint',
          question.kept_in === null
            ? 'If you trust it, it holds for this connection: there is no file to remember it in.'
            : `If you trust it, it is remembered in ${question.kept_in}.`
        )
      ],
      guard: tell => {
        forbid = tell;
      },
      first: compare,
      accept: 'Trust and connect',
      refuse: 'Cancel',
      take: () => {
        const given = compare.value.trim();
        compare.value = '';
        return given === '' ? 'yes' : given;
      }
    };
  },
  secret: question => {
    const input = element('input', 'jssh-Input');
    input.type = 'password';
    input.autocomplete = 'off';
    input.id = freshId('secret');
    const label = element('label', 'jssh-Label', remoteText(question.prompt, 1000));
    label.htmlFor = input.id;
    return {
      body: [...again(question.again, 'That was not accepted. Please try again.'), label, input, capsLock(input)],
      first: input,
      accept: 'Continue',
      refuse: 'Cancel',
      take: () => {
        const value = input.value;
        input.value = '';
        return value;
      }
    };
  },
  prompts: question => {
    const inputs = question.prompts.map(({ echo }) => {
      const input = element('input', 'jssh-Input');
      input.type = echo ? 'text' : 'password';
      input.autocomplete = 'off';
      input.spellcheck = false;
      input.id = freshId('prompt');
      return input;
    });
    const rows = question.prompts.map(({ prompt }, index) => {
      const input = inputs[index] as HTMLInputElement;
      const label = element('label', 'jssh-Label', remoteText(prompt, 1000) || 'Answer');
      label.htmlFor = input.id;
      return element('div', 'jssh-Prompt', label, input);
    });
    const instruction = question.instruction.trim();
    return {
      body: [
        ...again(question.again, 'The same is asked again: an answer was not accepted.'),
        ...(instruction === '' ? [] : [element('p', 'jssh-Remote', remoteText(instruction))]),
        ...rows
      ],
      first: inputs[0] ?? null,
      accept: 'Continue',
      refuse: 'Cancel',
      take: () =>
        inputs.map(input => {
          const value = input.value;
          input.value = '';
          return value;
        })
    };
  },
  notice: question => ({
    body: [element('p', question.remote ? 'jssh-Remote' : 'jssh-Note', remoteText(question.text))],
    first: null,
    accept: 'OK',
    refuse: '',
    take: () => null
  })
};

/** What is said above a question that is asked once more. */
function again(isAgain: boolean | undefined, text: string): Node[] {
  if (isAgain !== true) {
    return [];
  }
  const line = element('p', 'jssh-Again', text);
  line.setAttribute('role', 'alert');
  return [line];
}

/** The notes that say more than the panel does already. */
function newNotes({ notes, sha256, host, kept_in: keptIn }: Question & { kind: 'host-key' }): string[] {
  return (notes ?? []).filter((note, index) => {
    const isFirst = index === 0 && note.includes(host);
    return !isFirst && !note.includes(sha256) && !(keptIn !== null && note.includes(keptIn));
  });
}

/** Whether what was pasted is one of the fingerprints, with or without its prefix and its colons. */
export function matches(given: string, sha256: string, md5: string): boolean {
  const sha = (text: string): string => text.replace(/^SHA256:/i, '').replace(/=+$/, '');
  const hex = (text: string): string => text.replace(/^MD5:/i, '').toLowerCase();
  const bare = given.trim();
  if (bare === '') {
    return false;
  }
  return sha(bare) === sha(sha256) || (md5 !== '' && hex(bare) === hex(md5));
}

function capsLock(input: HTMLInputElement): HTMLElement {
  const hint = element('div', 'jssh-Hint');
  hint.setAttribute('role', 'status');
  input.addEventListener('keyup', event => {
    hint.textContent = event.getModifierState('CapsLock') ? 'Caps Lock is on.' : '';
  });
  return hint;
}
