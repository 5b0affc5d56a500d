/** What questions look like, and the answers that are read from them. */

import '../support/page';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { QuestionPanel } from '../../src/dialogs/question_panel';
import type { OpenQuestions } from '../../src/services/questions/open_questions';
import type { Answer, Question } from '../../src/services/questions/messages';
import { LossDialog } from '../../src/dialogs/connection_lost';
import { questionsPlugin } from '../../src/plugins/questions';
import { trans } from '../support/texts';
import { TestPlaces } from '../support/places';
import { nullTranslator } from '@jupyterlab/translation';
import { Dialog } from '@jupyterlab/apputils';
import { until } from '../support/until';

const HOST_KEY = {
  ...{ question: 'q', about: null, kind: 'host-key', host: 'demo', key_type: 'ED25519' },
  ...{ sha256: 'SHA256:AbC/d', md5: 'MD5:0a:0b', randomart: '+--[X]--+', kept_in: '~/.ssh/known_hosts' },
  notes: ['The key of demo is not known.', 'No other host is known by SHA256:AbC/d.', 'Another note.\u0007']
} as const;

describe('a question panel', () => {
  let panel: QuestionPanel;
  let answers: [string, Answer][];
  const behind = vi.fn();
  const show = (question: object, host = 'demo', takesFocus = true): void =>
    panel.display({ question: 'q', about: null, ...question } as Question, host, takesFocus);
  const texts = (selector: string): (string | null)[] =>
    [...panel.node.querySelectorAll(selector)].map(({ textContent }) => textContent);
  const inputs = (): HTMLInputElement[] => [...panel.node.querySelectorAll('input')];
  const type = (text: string, field = inputs()[0] as HTMLInputElement): void => {
    field.value = text;
    field.dispatchEvent(new Event('input', { bubbles: true }));
  };
  const press = (key: string): boolean =>
    (document.activeElement as Element).dispatchEvent(
      new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true })
    );
  const submit = (): void => panel.node.querySelector('form')?.requestSubmit();
  const accept = (): HTMLButtonElement => panel.node.querySelector('button[type=submit]') as HTMLButtonElement;

  beforeEach(() => {
    answers = [];
    behind.mockReset();
    panel = new QuestionPanel((question, answer) => answers.push([question, answer]), behind, trans);
    document.body.append(panel.node);
  });

  afterEach(() => panel.dispose());

  it('shows a key with its fingerprints and what is new in the notes', () => {
    show(HOST_KEY);
    expect(texts('h2')).toEqual(['Is this the right machine?']);
    expect(texts('p')).toEqual([
      'demo is not known yet. It shows this ED25519 key:',
      'Another note.\ufffd',
      'If you trust it, it is remembered in ~/.ssh/known_hosts.'
    ]);
    expect(texts('dd')).toEqual(['SHA256:AbC/d', 'MD5:0a:0b']);
    expect(texts('button')).toEqual(['Cancel', 'Trust and connect']);
    expect(panel.node.getAttribute('aria-labelledby')).toBe(panel.node.querySelector('h2')?.id);
    submit();
    expect(answers).toEqual([['q', 'yes']]);
  });

  it('says where a key is remembered nowhere', () => {
    show({ ...HOST_KEY, kept_in: null, notes: [] });
    expect(texts('p').at(-1)).toContain('there is no file to remember it in');
  });

  it('compares a fingerprint that was pasted, and takes no other', () => {
    show(HOST_KEY);
    type('something else');
    expect(texts('.jssh-Verdict')).toEqual(['The fingerprint differs.']);
    expect(accept().disabled).toBe(true);
    for (const same of ['AbC/d=', 'sha256:AbC/d', 'MD5:0A:0B', '0a:0b']) {
      type(same);
      expect(texts('.jssh-Verdict')).toEqual(['The fingerprint matches.']);
    }
    expect(accept().disabled).toBe(false);
    submit();
    expect(answers).toEqual([['q', '0a:0b']]);
    expect(inputs()[0]?.value).toBe('');
  });

  it('trusts nobody because Enter was pressed', () => {
    show(HOST_KEY);
    expect(document.activeElement).toBe(inputs()[0]);
    expect(press('Enter')).toBe(false);
    expect(texts('.jssh-Verdict')).toEqual(['To continue without comparing, choose “Trust and connect”.']);
    expect(answers).toEqual([]);
  });

  it('asks for a secret, which stays in no field', () => {
    show({ kind: 'secret', prompt: 'Password for me:\u0000' });
    expect(texts('h2')).toEqual(['Log in to demo']);
    expect(texts('label')).toEqual(['Password for me:\ufffd']);
    const [field] = inputs() as [HTMLInputElement];
    expect(field.type).toBe('password');
    type('secret');
    submit();
    expect(answers).toEqual([['q', 'secret']]);
    expect(field.value).toBe('');
    show({ question: 'r', kind: 'secret', prompt: 'x', again: true });
    expect(texts('[role=alert]')).toEqual(['That was not accepted. Please try again.']);
    type('half', inputs()[0]);
    const [second] = inputs() as [HTMLInputElement];
    panel.dispose();
    expect(second.value).toBe('');
  });

  it('says that Caps Lock is on', () => {
    show({ kind: 'secret', prompt: 'x' });
    const key = (on: boolean): void => {
      inputs()[0]?.dispatchEvent(Object.assign(new KeyboardEvent('keyup'), { getModifierState: () => on }));
    };
    key(true);
    expect(texts('.jssh-Hint')).toEqual(['Caps Lock is on.']);
    key(false);
    expect(texts('.jssh-Hint')).toEqual(['']);
  });

  it('asks all that a machine asks at once', () => {
    const prompts = [
      { prompt: 'Name:', echo: true },
      { prompt: '', echo: false }
    ];
    show({ kind: 'prompts', name: ' 2FA ', instruction: 'Look at your phone.', prompts, again: true });
    expect(texts('h2')).toEqual(['demo asks: 2FA']);
    expect(texts('p')).toEqual(['This is asked again: an answer was not accepted.', 'Look at your phone.']);
    expect(texts('label')).toEqual(['Name:', 'Answer']);
    expect(inputs().map(({ type }) => type)).toEqual(['text', 'password']);
    type('me');
    type('123', inputs()[1]);
    submit();
    expect(answers).toEqual([['q', ['me', '123']]]);
  });

  it.each([
    [false, 'No'],
    [true, 'Yes']
  ])('asks for yes or no, with the focus on what Enter is to mean: %s', (isDefault, focused) => {
    show({ kind: 'confirm', text: 'Overwrite it?', default: isDefault });
    expect(texts('button')).toEqual(['No', 'Yes']);
    expect(document.activeElement?.textContent).toBe(focused);
    submit();
    expect(answers).toEqual([['q', true]]);
  });

  it('gives a notice to read', () => {
    show({ kind: 'notice', text: 'Welcome.', remote: true });
    expect(texts('h2')).toEqual(['A message from demo']);
    expect(texts('button')).toEqual(['OK']);
    submit();
    expect(answers).toEqual([['q', null]]);
  });

  it.each([
    [{ kind: 'secret', prompt: 'x' }, 'Log in'],
    [{ kind: 'prompts', name: '', instruction: '', prompts: [] }, 'A machine asks'],
    [{ kind: 'prompts', name: 'x', instruction: '', prompts: [] }, 'A machine asks: x'],
    [{ kind: 'notice', text: 'x', remote: true }, 'A message from a machine'],
    [{ kind: 'notice', text: 'x' }, 'Please note']
  ])('names no machine where it is not known: %j', (question, title) => {
    show(question, '');
    expect(texts('h2')).toEqual([title]);
  });

  it('is cancelled by its button and by Escape, and keeps keys from Lab', () => {
    const keys = vi.fn();
    document.body.addEventListener('keydown', keys);
    show({ kind: 'secret', prompt: 'x' });
    press('Escape');
    panel.node.querySelector('button')?.click();
    press('b');
    expect(answers).toEqual([
      ['q', null],
      ['q', null]
    ]);
    expect(keys).not.toHaveBeenCalled();
    document.body.removeEventListener('keydown', keys);
  });

  it('takes the focus where it may, and gives it back', () => {
    show({ kind: 'secret', prompt: 'x' }, 'demo', false);
    expect(document.activeElement).toBe(document.body);
    panel.focus();
    show({ kind: 'secret', prompt: 'x' }, 'demo', false); // the same one: what was typed stays
    expect(document.activeElement).toBe(inputs()[0]);
    panel.display(null, 'demo', false);
    expect(behind).toHaveBeenCalledTimes(1);
    expect(panel.isShown).toBe(false);
  });
});

describe('questions about nothing that a page shows', () => {
  let places: TestPlaces;
  let open: OpenQuestions;
  const panel = (): HTMLElement | null => document.querySelector('.jssh-mod-page');
  const ask = (place: string, question: string): void =>
    places.transport(place).say('questions.question', { question, about: null, kind: 'secret', prompt: question });

  beforeEach(() => {
    places = new TestPlaces();
    places.services.length = 0;
    const register = (service: TestPlaces['services'][0]): unknown => places.services.push(service);
    const activate = questionsPlugin.activate as unknown as (
      app: null,
      places: object,
      translator: null
    ) => OpenQuestions;
    open = activate(null, Object.assign(places, { register }), null);
    for (const id of ['k', 'l']) {
      places.at(id).connect();
      places.transport(id).greet();
    }
  });

  afterEach(() => {
    places.all.forEach(place => place.close());
    panel()?.remove();
  });

  it('are asked at the top of the page, one after the other', () => {
    expect(panel()).toBeNull();
    ask('l', 'first');
    ask('k', 'second');
    ask('k', 'third');
    expect(open.all.map(({ question }) => question)).toEqual(['first', 'second', 'third']);
    expect(panel()?.textContent).toContain('first');
    expect(panel()?.contains(document.activeElement)).toBe(true);
    (document.activeElement as HTMLInputElement).value = 'mine';
    panel()?.querySelector('form')?.requestSubmit();
    expect(places.transport('l').take('questions.answer')).toMatchObject([{ question: 'first', answer: 'mine' }]);
    expect(panel()?.textContent).toContain('second');
    places.transport('k').say('questions.answered', { question: 'second' });
    places.transport('k').say('questions.answered', { question: 'third' });
    expect(panel()).toBeNull();
    expect(open.all).toEqual([]);
  });

  it('take the focus from nobody', () => {
    const field = document.body.appendChild(document.createElement('textarea'));
    field.focus();
    ask('k', 'q');
    expect(document.activeElement).toBe(field);
    field.remove();
  });

  it('keep what was typed over a loss of the connection', () => {
    ask('k', 'q');
    const field = panel()?.querySelector('input') as HTMLInputElement;
    field.value = 'half';
    places.transport('k').welcome('one', {
      terminals: { sessions: [] },
      questions: { open: [{ question: 'q', about: null, kind: 'secret', prompt: 'q' }] }
    });
    expect(panel()?.contains(field)).toBe(true);
    expect(field.value).toBe('half');
  });

  it('keep the connection while they are open', () => {
    expect(places.at('k').isUsed).toBe(false);
    ask('k', 'q');
    ask('k', 'r');
    expect(places.at('k').isUsed).toBe(true);
    open.answer('q', null);
    open.answer('r', null);
    open.answer('never asked', null);
    expect(places.at('k').isUsed).toBe(false);
  });
});

describe('the dialog of Lab about a lost server', () => {
  const open = async (title: string): Promise<Dialog<unknown>> => {
    const dialog = new Dialog({ title, buttons: [Dialog.okButton()] });
    dialog.launch().catch(() => undefined); // where it is taken away
    await until(() => expect(dialog.node.querySelector('.jp-Dialog-header')?.textContent).toBe(title));
    return dialog;
  };

  it.each([
    ['Server Connection Error', true],
    ['Something else', false]
  ])('%s is taken away once the server is back: %s', async (title, isTaken) => {
    const terminal = document.body.appendChild(document.createElement('div'));
    const inside = terminal.appendChild(document.createElement('input'));
    const lossDialog = new LossDialog(nullTranslator, terminal);
    lossDialog.dismiss();
    inside.focus();
    const dialog = await open(title);
    inside.dispatchEvent(
      new FocusEvent('focusout', { bubbles: true, relatedTarget: dialog.node.querySelector('button') })
    );
    lossDialog.dismiss();
    await until(() => expect(dialog.isDisposed).toBe(isTaken));
    dialog.dispose();
    terminal.remove();
  });
});
