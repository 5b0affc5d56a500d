/** Terminals in tabs of Lab's shell and in outputs, with places whose other end is the test. */

import { frames } from '../support/page';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LabShell, type LayoutRestorer } from '@jupyterlab/application';
import { Dialog, type IThemeManager } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import { HOST_PLACE } from '../../src/connection/place';
import { RequestError } from '../../src/connection/service';
import type { Located } from '../../src/services/terminals/session_list';
import type { Settings } from '../../src/settings';
import { besideDocument, joining } from '../../src/terminal/layout';
import type { SessionTab } from '../../src/terminal/tab';
import { Terminals } from '../../src/terminal/terminals';
import { TestPlaces } from '../support/places';
import { described } from '../support/transports';
import { until } from '../support/until';

const ARGS = { place: 'k', session: 's', host: 'demo' };

describe('terminals', () => {
  let shell: LabShell;
  let places: TestPlaces;
  let terminals: Terminals;
  let settings: Settings;
  let remembered: string[];
  let ended: Located[];
  let endFails: Error | null;
  const themes = { theme: 'light', isLight: () => false, themeChanged: new Signal({}) };

  const greet = (place: string, ...sessions: object[]): void =>
    places.transport(place).greet('one', { terminals: { sessions } });
  const opened = (place: string, session: string): Promise<void> =>
    until(() => {
      const request = places.transport(place).take('terminals.open')[0]?.['request'];
      expect(request).toBeDefined();
      places.transport(place).say('terminals.session', { description: described(session) });
      places.transport(place).say('terminals.opened', { request, session });
    });
  const tabs = (): string[] => [...shell.widgets('main')].map(({ id }) => id);
  const dialog = (): Promise<HTMLElement> =>
    until(() => {
      const node = document.querySelector<HTMLElement>('.jp-Dialog');
      expect(node?.querySelector('.jp-Dialog-header')?.textContent).toBeTruthy();
      return node as HTMLElement;
    });
  const press = async (text: string): Promise<void> => {
    const node = await dialog();
    [...node.querySelectorAll('button')].find(each => each.textContent.trim() === text)?.click();
    await until(() => expect(node.isConnected).toBe(false));
  };

  beforeEach(async () => {
    shell = new LabShell();
    Widget.attach(shell, document.body);
    const blank = {
      ...{ fresh: true, mainArea: null, downArea: null, leftArea: null, rightArea: null },
      ...{ topArea: null, relativeSizes: null }
    };
    await shell.restoreLayout('multiple-document', {
      fetch: () => Promise.resolve(blank)
    } as unknown as LayoutRestorer);
    places = new TestPlaces();
    settings = { onClose: 'ask', bell: 'visual', renderer: 'automatic', scrollback: 100, lab: {} };
    remembered = [];
    ended = [];
    endFails = null;
    terminals = new Terminals({
      shell: shell,
      places,
      sessions: {
        end: located => {
          ended.push(located);
          return endFails === null ? Promise.resolve() : Promise.reject(endFails);
        }
      },
      settings: {
        current: settings,
        changed: new Signal({}),
        setOnClose: value => {
          remembered.push(value);
          return Promise.resolve();
        }
      },
      translator: nullTranslator,
      themes: themes as unknown as IThemeManager
    });
  });

  afterEach(async () => {
    await frames();
    Dialog.flush();
    for (const tab of shell.widgets('main')) {
      tab.dispose();
      await frames(); // the next one is shown
    }
    shell.dispose();
    places.all.forEach(place => place.close());
  });

  it('have one tab for a session, which comes to the front', async () => {
    const tab = terminals.openTab(ARGS);
    terminals.openTab({ ...ARGS, session: 'other' });
    expect(terminals.openTab(ARGS)).toBe(tab);
    expect(terminals.openTab(ARGS, { activate: false })).toBe(tab);
    expect(tabs()).toEqual(['jssh-k-s', 'jssh-k-other']);
    await until(() => expect(tab.isVisible).toBe(true));
  });

  it('tell the place that a tab was opened, where it wants one', async () => {
    terminals.openTab(ARGS);
    greet('k', described('s'), described('quiet', { wanted: false }));
    terminals.openTab({ ...ARGS, session: 'quiet' });
    await until(() => expect(places.transport('k').sent.some(({ type }) => type === 'terminals.shown')).toBe(true));
    expect(places.transport('k').take('terminals.shown')).toMatchObject([{ session: 's' }]);
  });

  it('have the name and the condition of the session in their title', () => {
    const { title } = terminals.openTab(ARGS);
    expect(title.label).toBe('demo');
    greet('k', described('s', { title: 'vim', state: 'lost', text: 'Lost.' }));
    expect(title.label).toBe('demo: vim');
    expect(title.caption).toBe('me@demo\nLost.\nover the Jupyter server’s WebSocket');
    expect(title.className).toContain('jssh-mod-lost');
  });

  it('open on a host in the process of the extension', async () => {
    const opening = terminals.openHost('box');
    greet(HOST_PLACE);
    await opened(HOST_PLACE, 'h');
    const tab = await opening;
    expect(tab?.view.session).toBe('h');
    expect(tabs()).toEqual([`jssh-${HOST_PLACE}-h`]);
  });

  it('say why there is none on a host', async () => {
    places.hostFails = new RequestError('The server is full.', 'End one.');
    const opening = terminals.openHost('box');
    expect((await dialog()).textContent).toContain('No terminal on box');
    expect((await dialog()).textContent).toContain('The server is full. End one.');
    await press('Ok');
    expect(await opening).toBeNull();
    expect(tabs()).toEqual([]);
  });

  it('ask for the host where none is given', async () => {
    const opening = terminals.openHost(null);
    greet(HOST_PLACE);
    const node = await dialog();
    const request = await until(() => {
      const asked = places.transport(HOST_PLACE).take('terminals.hosts')[0];
      expect(asked).toBeDefined();
      return asked?.['request'];
    });
    const hosts = [
      { name: 'demo', source: 'connected' },
      { name: 'box', source: 'ssh_config' },
      { name: 'mailbox', source: 'known_hosts' }
    ];
    places.transport(HOST_PLACE).say('terminals.hosts', { request, hosts });
    const field = node.querySelector('input') as HTMLInputElement;
    const note = node.querySelector('[role=status]') as HTMLElement;
    await until(() => expect(note.textContent).toBe('3 known hosts'));
    const rows = (): (string | null)[] => [...node.querySelectorAll('li')].map(({ textContent }) => textContent);
    expect(rows()).toEqual(['democonnected', 'boxssh_config', 'mailboxknown_hosts']);
    field.value = 'bo';
    field.dispatchEvent(new Event('input'));
    expect(rows()).toEqual(['boxssh_config', 'mailboxknown_hosts']);
    expect(note.textContent).toBe('2 known hosts: ↓ chooses. Enter connects to what you typed.');
    field.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', bubbles: true }));
    expect(note.textContent).toBe('Enter connects to box.');
    await press('Connect');
    await until(() =>
      expect(places.transport(HOST_PLACE).sent).toContainEqual(expect.objectContaining({ host: 'box' }))
    );
    await opened(HOST_PLACE, 'h');
    expect((await opening)?.view.session).toBe('h');
    const cancelled = terminals.openHost(null);
    await press('Cancel');
    expect(await cancelled).toBeNull();
  });

  it('leave a chooser that cannot say which hosts there are, but that takes any', async () => {
    places.hostFails = new RequestError('No host.');
    const opening = terminals.openHost(null);
    const node = await dialog();
    await until(() => expect(node.querySelector('[role=status]')?.textContent).toBe('No host.'));
    await press('Cancel');
    expect(await opening).toBeNull();
  });

  describe('with an open session', () => {
    let tab: SessionTab;

    beforeEach(() => {
      tab = terminals.openTab(ARGS);
      greet('k', described('s', { wanted: false }));
    });

    it.each([
      ['Leave it running', []],
      ['End it', [{ session: 's' }]]
    ])('ask before they close: %s', async (answer, sent) => {
      tab.close();
      tab.close();
      await dialog();
      expect(document.querySelectorAll('.jp-Dialog')).toHaveLength(1);
      await press(answer);
      await until(() => expect(tab.isDisposed).toBe(true));
      expect(places.transport('k').take('terminals.end')).toMatchObject(sent);
    });

    it('stay where the person goes back', async () => {
      tab.close();
      await press('Cancel');
      expect(tab.isDisposed).toBe(false);
      expect(remembered).toEqual([]);
    });

    it('remember the answer, and do not ask then', async () => {
      tab.close();
      const node = await dialog();
      node.querySelector<HTMLInputElement>('input[type=checkbox]')?.click();
      await press('Leave it running');
      await until(() => expect(remembered).toEqual(['leave']));
      settings.onClose = 'end';
      const next = terminals.openTab(ARGS);
      next.close();
      await until(() => expect(next.isDisposed).toBe(true));
      expect(places.transport('k').take('terminals.end')).toHaveLength(1);
    });

    it('close at once, and let the place forget it, where it is over', () => {
      places.transport('k').say('terminals.session', { description: described('s', { state: 'ended' }) });
      tab.close();
      expect(tab.isDisposed).toBe(true);
      expect(places.transport('k').take('terminals.end')).toHaveLength(1);
    });

    it('are closed where the session is ended from elsewhere', async () => {
      const located = { place: 'k', description: described('s') };
      await terminals.end(located);
      expect(ended).toEqual([located]);
      expect(tab.isDisposed).toBe(true);
    });

    it('stay where it cannot be ended', async () => {
      endFails = new RequestError('The server did not answer.');
      const ending = terminals.end({ place: 'k', description: described('s') });
      expect((await dialog()).textContent).toContain('The server did not answer.');
      await press('Ok');
      await ending;
      expect(tab.isDisposed).toBe(false);
    });

    it('reconnect in the same session', () => {
      const button = (action: string): void =>
        tab.view.strip.node.querySelector<HTMLElement>(`[data-action=${action}]`)?.click();
      places
        .transport('k')
        .say('terminals.session', { description: described('s', { state: 'lost', reconnect: true }) });
      button('reconnect');
      places.transport('k').say('terminals.session', { description: described('s', { state: 'ended' }) });
      button('new');
      tab.reconnect();
      expect(places.transport('k').take('terminals.reconnect')).toMatchObject(Array(3).fill({ session: 's' }));
    });

    it('begin a new session elsewhere where the kernel is gone', async () => {
      places.transport('k').listener.closed(4410, '');
      tab.view.strip.node.querySelector<HTMLElement>('[data-action=new]')?.click();
      places.transport('k').listener.closed(4410, '');
      await until(() => greet(HOST_PLACE));
      await opened(HOST_PLACE, 'new');
      await until(() => expect(tabs()).toEqual([`jssh-${HOST_PLACE}-new`]));
      expect(tab.isDisposed).toBe(true);
    });

    it('say why there is no new session', async () => {
      places.transport('k').listener.closed(4410, '');
      places.hostFails = new Error('Nowhere.');
      tab.view.strip.node.querySelector<HTMLElement>('[data-action=new]')?.click();
      places.transport('k').listener.closed(4410, '');
      expect((await dialog()).textContent).toContain('No new session on demo');
      await press('Ok');
      expect(tab.isDisposed).toBe(false);
    });

    it('follow the theme', () => {
      const apply = vi.spyOn(tab.view, 'applyTheme');
      themes.themeChanged.emit(undefined);
      expect(apply).toHaveBeenCalledTimes(1);
    });
  });

  it('are shown in an output too, until its view is disposed of', async () => {
    const view = terminals.openView(ARGS);
    greet('k', described('s'));
    await view.terminal.ready;
    await frames();
    expect(tabs()).toEqual([]);
    view.terminal.dispose();
    expect(view.isDisposed).toBe(true);
    expect(places.at('k').isUsed).toBe(false);
  });

  it('open beside the document they are opened from, or join those that stand there', async () => {
    const document = new Widget();
    document.id = 'document';
    const inside = document.node.appendChild(globalThis.document.createElement('a'));
    shell.add(document, 'main');
    const where = (node: Node): object[] => [
      besideDocument(shell, terminals.tabs, node),
      joining(shell, terminals.tabs, node)
    ];
    await until(() => expect(document.isVisible).toBe(true));
    expect(where(inside)).toEqual([{ mode: 'split-right', ref: 'document' }, {}]);
    expect(where(globalThis.document.body)).toEqual([{}, {}]);
    const tab = terminals.openTab(ARGS, { mode: 'split-right', ref: 'document' });
    await until(() => expect(tab.isVisible).toBe(true));
    expect(where(inside)).toEqual([{ ref: tab.id }, { ref: tab.id }]);
  });
});
