/** A session on the page: Lab's terminal widget, with a place whose other end is the test. */

import { frames } from '../support/page';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { Panel, Widget } from '@lumino/widgets';
import type { Terminal as XTerm } from '@xterm/xterm';
import type { SessionState } from '../../src/services/terminals/messages';
import type { Settings } from '../../src/settings';
import { SessionView } from '../../src/terminal/view';
import { TestPlaces } from '../support/places';
import { described } from '../support/transports';
import { until } from '../support/until';

const encoder = new TextEncoder();
const ABOUT = { service: 'terminals', session: 's' };

describe('a view of a session', () => {
  let places: TestPlaces;
  let settings: { current: Settings; changed: Signal<object, undefined> };
  let isLight: boolean;
  let actions: string[];
  let view: SessionView;
  let box: Panel;
  let stream: number;
  let sent: number;

  const place = (): ReturnType<TestPlaces['transport']> => places.transport('k');
  const xterm = (): XTerm => (view.terminal as unknown as { _term: XTerm })._term;
  const button = (action: string): HTMLButtonElement | null =>
    view.strip.node.querySelector(`button[data-action=${action}]`);
  const buttons = (): (string | null)[] =>
    [...view.strip.node.querySelectorAll('button')].map(each => each.textContent);
  const stripText = (): string | null | undefined => view.strip.node.querySelector('.jssh-Strip-text')?.textContent;

  const open = async (): Promise<void> => {
    view = new SessionView({
      place: places.at('k'),
      session: 's',
      host: 'demo',
      settings,
      translator: nullTranslator,
      isLight: () => isLight,
      inTab: true,
      onAction: action => actions.push(action)
    });
    box = new Panel();
    box.addWidget(view.strip);
    box.addWidget(view.terminal);
    box.node.append(view.questions.node);
    Widget.attach(box, document.body);
    await view.terminal.ready;
  };
  const greet = (start = 'one', members = {}): void =>
    place().greet(start, { terminals: { sessions: [described('s', members)] }, questions: { open: [] } });
  /** The answer to the newest attach. */
  const attached = async (members = {}): Promise<void> => {
    const attach = await until(() => {
      const found = place().take('terminals.attach').at(-1);
      expect(found).toBeDefined();
      return found;
    });
    stream = attach?.['stream'] as number;
    place().say('terminals.attached', {
      ...{ stream, session: 's', description: described('s'), from: sent, live: sent, input: 0, sizes: [] },
      ...{ snapshot: null, cut: false, lead: true },
      ...members
    });
  };
  const output = (text: string): void => {
    const bytes = encoder.encode(text);
    place().listener.data({ stream, offset: sent, bytes });
    sent += bytes.length;
  };
  const become = (state: SessionState, members = {}): void =>
    place().say('terminals.session', { description: described('s', { state, ...members }) });
  const row = (y: number): string | undefined => xterm().buffer.active.getLine(y)?.translateToString(true);

  beforeEach(async () => {
    sent = 0;
    isLight = true;
    actions = [];
    places = new TestPlaces();
    settings = {
      current: { onClose: 'ask', bell: 'visual', renderer: 'automatic', scrollback: 500, lab: { fontSize: 13 } },
      changed: new Signal({})
    };
    await open();
    greet();
    await attached();
  });

  afterEach(async () => {
    await frames();
    box.dispose();
    view.dispose();
    places.all.forEach(each => each.close());
  });

  it('draws what the remote writes, and types what the person does', async () => {
    output('hello');
    await until(() => expect(row(0)).toBe('hello'));
    expect(view.terminal.node.hasAttribute('data-jssh-drawn')).toBe(true);
    view.terminal.paste('ls\n');
    await until(() =>
      expect(
        place()
          .data.map(({ bytes }) => new TextDecoder().decode(bytes))
          .join('')
      ).toBe('ls\r')
    );
  });

  it('tells what a person types from what the terminal answers', async () => {
    const { viewer } = view as unknown as { viewer: { type: (bytes: Uint8Array) => void; answer: () => void } };
    const typed = vi.spyOn(viewer, 'type');
    const answered = vi.spyOn(viewer, 'answer');
    output('\x1b[c\x1b[5n');
    await until(() => expect(answered).toHaveBeenCalledTimes(2));
    expect(typed).not.toHaveBeenCalled();
    xterm().input('x');
    view.terminal.paste('y');
    expect(typed).toHaveBeenCalledTimes(2);
    output('\x1b[c');
    await until(() => expect(answered).toHaveBeenCalledTimes(3));
    expect(typed).toHaveBeenCalledTimes(2);
  });

  it('is called as the session is, and says so when the title changes', async () => {
    let changes = 0;
    view.changed.connect(() => (changes += 1));
    expect([view.label, view.host]).toEqual(['demo', 'demo']);
    output('\x1b]0;vim\x07');
    await until(() => expect(place().take('terminals.title')).toMatchObject([{ stream, title: 'vim' }]));
    become('open', { title: 'vim' });
    expect(view.label).toBe('demo: vim');
    expect(view.terminal.title.label).not.toContain('vim\x07');
    expect(changes).toBeGreaterThan(0);
  });

  it('shows in its dot and its words how the session is', () => {
    const dot = (): string | undefined => view.status.node.dataset['state'];
    expect(dot()).toBe('connected');
    expect(view.status.node.title).toContain('WebSocket');
    become('connecting', { text: 'Connecting to demo …' });
    expect(dot()).toBe('busy');
    expect(view.condition.text).toBe('Connecting to demo …');
    become('ended', { text: 'exit 3', exit_status: 3 });
    expect(dot()).toBe('ended');
    expect(view.isAlive).toBe(false);
    expect(stripText()).toBe('exit 3');
    button('new')?.click();
    expect(actions).toEqual(['new']);
  });

  it('has the report of a lost session in its strip', () => {
    become('lost', { text: 'Lost.', report: 'line 1\nline 2', reconnect: true });
    expect(buttons()).toEqual(['Reconnect', 'Close']);
    expect(view.strip.node.querySelector('pre')?.textContent).toBe('line 1\nline 2');
    become('open');
    expect(view.strip.isHidden).toBe(true);
  });

  it('types nothing into a session that is over', async () => {
    become('ended');
    xterm().input('lost');
    become('open');
    xterm().input('kept');
    await until(() => expect(place().data).toHaveLength(1));
    expect(new TextDecoder().decode(place().data[0]?.bytes)).toBe('kept');
  });

  it('says nothing of a short loss, and goes on where it was', async () => {
    output('one ');
    await until(() => expect(place().take('terminals.ack')).toMatchObject([{ offset: 4 }]));
    place().listener.closed(1006, '');
    expect(view.condition).toMatchObject({ dot: 'busy', text: 'Reconnecting …', strip: null });
    await until(() => expect(places.made.get('k')).toHaveLength(2));
    greet();
    await attached();
    output('two');
    await until(() => expect(row(0)).toBe('one two'));
    expect(view.strip.isHidden).toBe(true);
  });

  it('says that the connection is lost once that has lasted, until it is back', async () => {
    place().listener.closed(1006, '');
    await until(() => expect(stripText()).toContain('is being retried'));
    expect(buttons()).toEqual(['Try now']);
    await until(() => expect(places.at('k').state).toBe('connecting'));
    expect(view.strip.isHidden).toBe(false); // a try is no success
    greet();
    expect(view.strip.isHidden).toBe(true);
  });

  it('is gone with the kernel, and where the session is', () => {
    place().say('terminals.gone', { session: 'other' });
    expect(view.strip.isHidden).toBe(true);
    place().say('terminals.gone', { session: 's' });
    expect(stripText()).toContain('no longer there');
    become('open');
    expect(view.strip.isHidden).toBe(true);
    place().listener.closed(4410, '');
    expect(stripText()).toBe('The kernel has ended, and this session with it.');
    expect(buttons()).toEqual(['New session', 'Close']);
  });

  it('offers no closing where it is in no tab', async () => {
    await frames();
    box.dispose();
    view.dispose();
    places.all.forEach(each => each.close());
    places = new TestPlaces();
    view = new SessionView({
      ...{ place: places.at('k'), session: 's', host: 'demo', settings, translator: nullTranslator },
      ...{ isLight: () => isLight, inTab: false, onAction: (action: string) => actions.push(action) }
    });
    box = new Panel();
    box.addWidget(view.terminal);
    Widget.attach(box, document.body);
    greet();
    become('ended', { text: 'exit 0' });
    expect(buttons()).toEqual(['New session']);
    await view.terminal.ready;
  });

  it.each([
    ['Yes', true],
    ['No', null]
  ])('asks what is answered by yes or no: %s', (label, answer) => {
    const text = 'Use the key?';
    place().say('questions.question', { question: 'q', about: ABOUT, kind: 'confirm', text, default: false });
    expect(view.questions.node.textContent).toContain(text);
    const buttons = [...view.questions.node.querySelectorAll('button')];
    expect(document.activeElement?.textContent).toBe('No'); // Enter alone does not agree
    buttons.find(button => button.textContent === label)?.click();
    expect(place().take('questions.answer')).toMatchObject([{ question: 'q', answer }]);
  });

  it('asks its questions over the terminal, and hands on the answer once', async () => {
    place().say('questions.question', { question: 'q', about: ABOUT, kind: 'secret', prompt: 'Password:' });
    expect(view.questions.isShown).toBe(true);
    expect(view.questions.node.querySelector('h2')?.textContent).toBe('Log in to me@demo');
    expect(view.condition.text).toBe('Waiting for an answer');
    const field = view.questions.node.querySelector('input');
    view.focus();
    expect(document.activeElement).toBe(field);
    (field as HTMLInputElement).value = 'secret';
    view.questions.node.querySelector('form')?.requestSubmit();
    expect(place().take('questions.answer')).toMatchObject([{ question: 'q', answer: 'secret' }]);
    expect(field?.value).toBe('');
    expect(view.questions.isShown).toBe(false);
    view.focus();
    await until(() => expect(view.terminal.node.contains(document.activeElement)).toBe(true));
    place().say('questions.question', { question: 'r', about: { ...ABOUT, session: 'x' }, kind: 'notice', text: 'x' });
    expect(view.questions.isShown).toBe(false);
  });

  it('follows the theme, in colours that can be read', () => {
    const red = (): string | undefined => xterm().options.theme?.red;
    const onLight = red();
    isLight = false;
    view.applyTheme();
    expect(red()).not.toBe(onLight);
    settings.current = { ...settings.current, lab: { theme: 'light' } };
    settings.changed.emit(undefined);
    expect(red()).toBe(onLight);
  });

  it('follows the settings', () => {
    settings.current = { ...settings.current, scrollback: 77, lab: { fontSize: 20 } };
    settings.changed.emit(undefined);
    expect([xterm().options.scrollback, xterm().options.fontSize]).toEqual([77, 20]);
  });

  it('shows the bell, but none of before this page looked, and none where it is switched off', async () => {
    const rings = (): boolean => view.terminal.hasClass('jssh-mod-bell');
    output('\x07');
    await until(() => expect(rings()).toBe(true));
    await until(() => expect(rings()).toBe(false));
    settings.current = { ...settings.current, bell: 'none' };
    output('\x07!');
    await until(() => expect(row(0)).toBe('!'));
    expect(rings()).toBe(false);
  });

  it('hands in its screen when the page goes', async () => {
    output('shot');
    await until(() => expect(row(0)).toBe('shot'));
    window.dispatchEvent(new Event('pagehide'));
    expect(place().take('terminals.snapshot')).toMatchObject([{ stream, offset: 4 }]);
  });

  it('lets its place go when it is disposed of', () => {
    expect(places.at('k').isUsed).toBe(true);
    view.dispose();
    view.dispose();
    expect(places.at('k').isUsed).toBe(false);
    expect(place().take('terminals.detach')).toMatchObject([{ stream }]);
    become('ended', { text: 'not heard' });
    expect(view.condition.text).not.toBe('not heard');
  });
});
