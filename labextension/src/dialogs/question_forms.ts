/** The form for each kind of question, and the answer read from it. */

import { LONGEST_ANSWER, type Answer, type Question } from '../services/questions/messages';
import type { TranslationBundle } from '../translation';
import { element, freshId, remoteText } from './elements';

/** A form's parts: its content, the element that gets the focus, and its answer. */
export interface Form {
  body: Node[];
  first: HTMLElement | null;
  accept: string;
  refuse: string;
  /** Read and clear the fields, and return the answer. */
  take: () => Answer;
  danger?: boolean;
  /** Whether the button that refuses gets the focus, so that Enter alone does not accept. */
  isCautious?: boolean;
  /** Called once with a function that disables accepting for now. */
  guard?: (forbid: (isForbidden: boolean) => void) => void;
}

/** Return the question in a few words; `host` is empty if it is unknown which machine it is about. */
export function titleOf(question: Question, host: string, trans: TranslationBundle): string {
  switch (question.kind) {
    case 'host-key':
      return trans.__('Is this the right machine?');
    case 'secret':
      return host === '' ? trans.__('Log in') : trans.__('Log in to %1', host);
    case 'prompts': {
      const name = remoteText(question.name.trim(), 200);
      if (host === '') {
        return name === '' ? trans.__('A machine asks') : trans.__('A machine asks: %1', name);
      }
      return name === '' ? trans.__('%1 asks', host) : trans.__('%1 asks: %2', host, name);
    }
    case 'confirm':
      return trans.__('Please confirm');
    case 'notice':
      if (!question.remote) {
        return trans.__('Please note');
      }
      return host === '' ? trans.__('A message from a machine') : trans.__('A message from %1', host);
  }
}

/** Return the form for a question. */
export function formOf(question: Question, trans: TranslationBundle): Form {
  return FORMS[question.kind](question as never, trans);
}

type Kind = Question['kind'];

const FORMS: { [K in Kind]: (question: Question & { kind: K }, trans: TranslationBundle) => Form } = {
  'host-key': (question, trans) => {
    const compare = element('input', 'jssh-Input');
    compare.type = 'text';
    compare.spellcheck = false;
    compare.id = freshId('compare');
    compare.placeholder = 'SHA256:…';
    const verdict = element('div', 'jssh-Verdict');
    verdict.setAttribute('role', 'status');
    verdict.id = freshId('verdict');
    compare.setAttribute('aria-describedby', verdict.id);
    const label = element(
      'label',
      'jssh-Label',
      trans.__('If you were given the fingerprint, paste it here to compare:')
    );
    label.htmlFor = compare.id;
    let forbid: (isForbidden: boolean) => void = () => undefined;
    compare.addEventListener('input', () => {
      const given = compare.value.trim();
      const same = matches(given, question.sha256, question.md5);
      verdict.textContent =
        given === '' ? '' : same ? trans.__('The fingerprint matches.') : trans.__('The fingerprint differs.');
      verdict.dataset['same'] = String(same);
      forbid(given !== '' && !same);
    });
    compare.addEventListener('keydown', event => {
      if (event.key === 'Enter' && compare.value.trim() === '') {
        event.preventDefault(); // it may have been meant for the terminal, and trust must not be an accident
        verdict.textContent = trans.__('To continue without comparing, choose “%1”.', trans.__('Trust and connect'));
        delete verdict.dataset['same'];
      }
    });
    const art = element('pre', 'jssh-Art', question.randomart);
    art.setAttribute('aria-hidden', 'true');
    return {
      body: [
        element('p', '', trans.__('%1 is not known yet. It shows this %2 key:', question.host, question.key_type)),
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
            ? trans.__('If you trust it, that applies to this connection only: there is no file to remember it in.')
            : trans.__('If you trust it, it is remembered in %1.', question.kept_in)
        )
      ],
      guard: tell => {
        forbid = tell;
      },
      first: compare,
      accept: trans.__('Trust and connect'),
      refuse: trans.__('Cancel'),
      take: () => {
        const given = compare.value.trim();
        compare.value = '';
        return given === '' ? 'yes' : given;
      }
    };
  },
  secret: (question, trans) => {
    const input = element('input', 'jssh-Input');
    input.type = 'password';
    input.maxLength = LONGEST_ANSWER;
    input.autocomplete = 'off';
    input.id = freshId('secret');
    const label = element('label', 'jssh-Label', remoteText(question.prompt, 1000));
    label.htmlFor = input.id;
    return {
      body: [
        ...again(question.again, trans.__('That was not accepted. Please try again.')),
        label,
        input,
        capsLock(input, trans)
      ],
      first: input,
      accept: trans.__('Continue'),
      refuse: trans.__('Cancel'),
      take: () => {
        const value = input.value;
        input.value = '';
        return value;
      }
    };
  },
  prompts: (question, trans) => {
    const inputs = question.prompts.map(({ echo }) => {
      const input = element('input', 'jssh-Input');
      input.type = echo ? 'text' : 'password';
      input.maxLength = LONGEST_ANSWER;
      input.autocomplete = 'off';
      input.spellcheck = false;
      input.id = freshId('prompt');
      return input;
    });
    const rows = question.prompts.map(({ prompt }, index) => {
      const input = inputs[index] as HTMLInputElement;
      const label = element('label', 'jssh-Label', remoteText(prompt, 1000) || trans.__('Answer'));
      label.htmlFor = input.id;
      return element('div', 'jssh-Prompt', label, input);
    });
    const instruction = question.instruction.trim();
    return {
      body: [
        ...again(question.again, trans.__('This is asked again: an answer was not accepted.')),
        ...(instruction === '' ? [] : [element('p', 'jssh-Remote', remoteText(instruction))]),
        ...rows
      ],
      first: inputs[0] ?? null,
      accept: trans.__('Continue'),
      refuse: trans.__('Cancel'),
      take: () =>
        inputs.map(input => {
          const value = input.value;
          input.value = '';
          return value;
        })
    };
  },
  confirm: (question, trans) => ({
    body: [element('p', 'jssh-Note', remoteText(question.text))],
    first: null,
    isCautious: !question.default,
    accept: trans.__('Yes'),
    refuse: trans.__('No'),
    take: () => true
  }),
  notice: (question, trans) => ({
    body: [element('p', question.remote ? 'jssh-Remote' : 'jssh-Note', remoteText(question.text))],
    first: null,
    accept: trans.__('OK'),
    refuse: '',
    take: () => null
  })
};

/** Return the text above a question that is asked once more. */
function again(isAgain: boolean | undefined, text: string): Node[] {
  if (isAgain !== true) {
    return [];
  }
  const line = element('p', 'jssh-Again', text);
  line.setAttribute('role', 'alert');
  return [line];
}

/** Return the notes that say more than the panel already does. */
function newNotes({ notes, sha256, host, kept_in: keptIn }: Question & { kind: 'host-key' }): string[] {
  return (notes ?? []).filter((note, index) => {
    const isFirst = index === 0 && note.includes(host);
    return !isFirst && !note.includes(sha256) && !(keptIn !== null && note.includes(keptIn));
  });
}

/** Return whether the pasted text is one of the fingerprints, with or without its prefix and colons. */
export function matches(given: string, sha256: string, md5: string): boolean {
  const sha = (text: string): string => text.replace(/^SHA256:/i, '').replace(/=+$/, '');
  const hex = (text: string): string => text.replace(/^MD5:/i, '').toLowerCase();
  const bare = given.trim();
  if (bare === '') {
    return false;
  }
  return sha(bare) === sha(sha256) || (md5 !== '' && hex(bare) === hex(md5));
}

function capsLock(input: HTMLInputElement, trans: TranslationBundle): HTMLElement {
  const hint = element('div', 'jssh-Hint');
  hint.setAttribute('role', 'status');
  input.addEventListener('keyup', event => {
    hint.textContent = event.getModifierState('CapsLock') ? trans.__('Caps Lock is on.') : '';
  });
  return hint;
}
