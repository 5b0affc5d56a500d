/** The plugins together, on a page of Lab's own shell, with a server and places whose other end is the test. */

import { frames } from '../support/page';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  ILayoutRestorer,
  LabShell,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin,
  type LayoutRestorer
} from '@jupyterlab/application';
import { Dialog, ICommandPalette, ISanitizer, Sanitizer } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { IRenderMimeRegistry, MimeModel, RenderMimeRegistry } from '@jupyterlab/rendermime';
import { IRunningSessionManagers, type IRunningSessions } from '@jupyterlab/running';
import { ServerConnection } from '@jupyterlab/services';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { CommandRegistry } from '@lumino/commands';
import type { Token } from '@lumino/coreutils';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import plugins from '../../src/index';
import type { SessionTab } from '../../src/terminal/tab';
import { IPlaces, IQuestions, ISessionList, ISettings, ITerminals } from '../../src/tokens';
import { described, factory, last, type Made } from '../support/transports';
import { until } from '../support/until';

const MIME = 'application/vnd.jupyter-ssh.terminal+json';

/** The transports of all places that were made, by the place's id. */
const sockets = new Map<string, Made[]>();
vi.mock('../../src/connection/websocket', () => ({
  webSocketFactory: (place: string) => {
    const made = sockets.get(place) ?? [];
    sockets.set(place, made);
    return factory(made);
  }
}));

class Settings {
  readonly changed = new Signal<this, undefined>(this);
  constructor(readonly composite: Record<string, unknown>) {}
  set(name: string, value: unknown): Promise<void> {
    this.composite[name] = value;
    this.changed.emit(undefined);
    return Promise.resolve();
  }
  remove(name: string): Promise<void> {
    Reflect.deleteProperty(this.composite, name);
    return Promise.resolve();
  }
}

describe('the plugins', () => {
  let app: { shell: LabShell; commands: CommandRegistry; restored: Promise<void>; serviceManager: object };
  let registry: Map<string, Settings>;
  let launched: object[];
  let offered: { command: string }[];
  let running: IRunningSessions.IManager[];
  let restored: { args: (tab: SessionTab) => object; name: (tab: SessionTab) => string; command: string }[];
  let sanitizer: Sanitizer;
  let rendermime: RenderMimeRegistry;
  let provided: Map<Token<unknown>, unknown>;

  const transport = (place: string): Made => last(sockets.get(place) ?? []);
  const get = <T>(token: Token<T>): T => provided.get(token) as T;
  const activate = async (plugin: JupyterFrontEndPlugin<unknown>): Promise<void> => {
    const needs = (plugin.requires ?? []).map(token => {
      expect(provided.has(token), `${plugin.id} needs ${token.name}`).toBe(true);
      return provided.get(token);
    });
    const may = (plugin.optional ?? []).map(token => provided.get(token) ?? null);
    const service = await plugin.activate(app as unknown as JupyterFrontEnd, ...needs, ...may);
    if (plugin.provides) {
      provided.set(plugin.provides, service);
    }
  };
  const text = (): string => document.querySelector('.jp-Dialog')?.textContent ?? '';
  const press = async (wanted: string): Promise<void> => {
    const button = await until(() => {
      const found = [...document.querySelectorAll<HTMLElement>('.jp-Dialog button')].find(
        ({ textContent }) => textContent.trim() === wanted
      );
      expect(found).toBeDefined();
      return found;
    });
    button?.click();
  };
  const opened = (place: string, session: string): Promise<unknown> =>
    until(() => {
      const request = transport(place).take('terminals.open')[0];
      expect(request).toBeDefined();
      transport(place).say('terminals.opened', { request: request?.['request'], session });
      transport(place).say('terminals.session', { description: described(session) });
      return request?.['host'];
    });
  const greet = async (place: string, ...sessions: object[]): Promise<void> => {
    await until(() => expect(sockets.get(place)?.length ?? 0).toBeGreaterThan(0));
    transport(place).greet('one', { terminals: { sessions }, questions: { open: [] } });
  };

  beforeEach(async () => {
    vi.spyOn(document, 'addEventListener');
    sockets.clear();
    launched = [];
    offered = [];
    running = [];
    restored = [];
    const shell = new LabShell();
    Widget.attach(shell, document.body);
    const blank = {
      ...{ fresh: true, mainArea: null, downArea: null, leftArea: null, rightArea: null },
      ...{ topArea: null, relativeSizes: null }
    };
    await shell.restoreLayout('multiple-document', {
      fetch: () => Promise.resolve(blank)
    } as unknown as LayoutRestorer);
    app = {
      shell,
      commands: new CommandRegistry(),
      restored: Promise.resolve(),
      serviceManager: {
        serverSettings: ServerConnection.makeSettings({
          baseUrl: 'http://server/',
          fetch: () => Promise.resolve(Response.json({ places: [{ place: 'far', sessions: [described('f')] }] }))
        })
      }
    };
    registry = new Map([
      ['jupyterlab-ssh:terminal', new Settings({ onClose: 'leave' })],
      ['@jupyterlab/terminal-extension:plugin', new Settings({ fontSize: 20 })],
      ['@jupyterlab/apputils-extension:sanitizer', new Settings({ allowedSchemes: ['http', 'https'] })]
    ]);
    sanitizer = new Sanitizer();
    rendermime = new RenderMimeRegistry();
    provided = new Map<Token<unknown>, unknown>([
      [ISettingRegistry, { load: (id: string) => Promise.resolve(registry.get(id)) }],
      [ILauncher, { add: (item: object) => launched.push(item) }],
      [ICommandPalette, { addItem: (item: { command: string }) => offered.push(item) }],
      [IRunningSessionManagers, { add: (manager: IRunningSessions.IManager) => running.push(manager) }],
      [IRenderMimeRegistry, rendermime],
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- it is the token as well
      [ISanitizer, sanitizer],
      [
        ILayoutRestorer,
        {
          restore: (_: unknown, options: (typeof restored)[0]) => {
            restored.push(options);
            return Promise.resolve();
          }
        }
      ]
    ]);
  });

  afterEach(async () => {
    await frames();
    // The page of the next test is another one.
    for (const [type, listener, options] of vi.mocked(document.addEventListener).mock.calls) {
      document.removeEventListener(type, listener, options);
    }
    vi.restoreAllMocks();
    Dialog.flush();
    document.querySelector('.jssh-mod-page')?.remove();
    for (const widget of app.shell.widgets('main')) {
      widget.dispose();
      await frames();
    }
    app.shell.dispose();
    get(IPlaces).all.forEach(place => place.close());
  });

  it('need each other only, whatever of Lab is there', async () => {
    provided = new Map();
    for (const plugin of plugins) {
      await activate(plugin);
    }
    expect([IPlaces, IQuestions, ISessionList, ISettings, ITerminals].every(token => provided.has(token))).toBe(true);
    expect(new Set(plugins.map(({ id }) => id)).size).toBe(plugins.length);
  });

  describe('once they are active', () => {
    beforeEach(async () => {
      for (const plugin of plugins) {
        await activate(plugin);
      }
      await get(ISettings).loaded;
    });

    it('offer a terminal in the launcher and the palette, each command with a label', () => {
      expect(launched).toEqual([{ command: 'jupyter-ssh:open-terminal', category: 'Other', rank: 1 }]);
      expect(offered.map(({ command }) => command)).toContain('jupyter-ssh:reconnect');
      expect(app.commands.label('jupyter-ssh:open-terminal')).toBe('SSH Terminal');
      for (const { command } of offered) {
        expect(app.commands.hasCommand(command), command).toBe(true);
        expect(app.commands.label(command)).not.toBe('');
      }
    });

    it('open a terminal by a command, and have commands for the one in front', async () => {
      const opening = app.commands.execute('jupyter-ssh:open-terminal', { host: 'box' });
      await greet('host');
      expect(await opened('host', 's')).toBe('box');
      const tab = (await opening) as SessionTab;
      await until(() => expect(tab.isVisible).toBe(true));
      await tab.view.terminal.ready;
      await until(() => expect(get(ITerminals).tabs.currentWidget).toBe(tab));
      vi.spyOn(app.shell, 'currentWidget', 'get').mockReturnValue(tab);
      expect(app.commands.isVisible('jupyter-ssh:select-all')).toBe(true);
      expect(app.commands.isEnabled('jupyter-ssh:copy')).toBe(false);
      expect(app.commands.isEnabled('jupyter-ssh:reconnect')).toBe(false);
      const xterm = (tab.content as unknown as { _term: { write(text: string, done: () => void): void } })._term;
      await new Promise<void>(resolve => xterm.write('words', resolve));
      await app.commands.execute('jupyter-ssh:select-all');
      expect(app.commands.isEnabled('jupyter-ssh:copy')).toBe(true);
      const copy = vi.fn(() => true);
      Object.assign(document, { execCommand: copy });
      await app.commands.execute('jupyter-ssh:copy');
      expect(copy).toHaveBeenCalledWith('copy');
      expect(tab.content.hasSelection()).toBe(false);
      await expect(app.commands.execute('jupyter-ssh:paste')).rejects.toThrow('Without HTTPS');
      await app.commands.execute('jupyter-ssh:clear-scrollback');
      transport('host').say('terminals.session', { description: described('s', { state: 'lost', reconnect: true }) });
      expect(app.commands.isEnabled('jupyter-ssh:reconnect')).toBe(true);
      await app.commands.execute('jupyter-ssh:reconnect');
      expect(transport('host').take('terminals.reconnect')).toHaveLength(1);
    });

    it('have no commands for what is in front else', () => {
      for (const name of ['copy', 'paste', 'select-all', 'clear-scrollback', 'find', 'reconnect', 'font-larger']) {
        expect(app.commands.isVisible(`jupyter-ssh:${name}`), name).toBe(false);
      }
    });

    it('change the font of all terminals', async () => {
      const labs = registry.get('@jupyterlab/terminal-extension:plugin');
      await app.commands.execute('jupyter-ssh:font-larger');
      expect(labs?.composite['fontSize']).toBe(21);
      await app.commands.execute('jupyter-ssh:font-usual');
      expect(labs?.composite).toEqual({});
      await app.commands.execute('jupyter-ssh:font-smaller');
      expect(labs?.composite['fontSize']).toBe(12);
    });

    it('open a session again as it was saved', async () => {
      const [restorer] = restored;
      expect(restorer?.command).toBe('jupyter-ssh:open-session');
      const args = { place: 'k', session: 's', host: 'box', activate: false };
      const tab = (await app.commands.execute('jupyter-ssh:open-session', args)) as SessionTab;
      expect(restorer?.args(tab)).toEqual(args);
      expect(restorer?.name(tab)).toBe('s');
      await expect(app.commands.execute('jupyter-ssh:open-session', { place: 'k' })).rejects.toThrow();
    });

    it('list the sessions of all places in the Running panel', async () => {
      const [manager] = running;
      await get(ISessionList).refresh();
      get(IPlaces).at('k').connect();
      const lost = { title: 'vim', state: 'lost', text: 'Lost.' } as const;
      await greet('k', described('s', lost));
      const items = manager?.running({ mode: 'list' }) as IRunningSessions.IRunningItem[];
      expect(items.map(({ label }) => label?.())).toEqual([
        expect.stringMatching(/^demo: vim · /),
        expect.stringMatching(/^demo · /)
      ]);
      expect(items.map(({ detail }) => detail?.())).toEqual(['lost', '']);
      expect(items[0]?.labelTitle?.()).toMatch(/^demo: vim\nLost\.\nstarted /);
      items[0]?.open?.();
      expect([...app.shell.widgets('main')].map(({ id }) => id)).toEqual(['jssh-k-s']);
      items[0]?.shutdown?.();
      await until(() => expect(transport('k').take('terminals.end')).toMatchObject([{ session: 's' }]));
      manager?.shutdownAll();
      await greet('far');
      await until(() => expect(transport('far').take('terminals.end')).toMatchObject([{ session: 'f' }]));
      const changed = vi.fn();
      manager?.runningChanged.connect(changed);
      manager?.refreshRunning();
      await until(() => expect(changed).toHaveBeenCalled());
    });

    it('open a terminal where a link to a known machine is clicked, and ask about another', async () => {
      const document = new Widget();
      document.id = 'document';
      document.node.className = 'jp-RenderedHTMLCommon';
      document.node.innerHTML = '<a href="ssh://demo">demo</a> <a href="ssh://-x">none</a> <a href="http://x">web</a>';
      app.shell.add(document, 'main');
      await until(() => expect(document.isVisible).toBe(true));
      const [known, none] = document.node.querySelectorAll('a') as unknown as [HTMLElement, HTMLElement];
      none.click();
      expect(sockets.size).toBe(0);
      const hosts = async (name: string): Promise<void> => {
        const asked = await until(() => {
          const found = transport('host').take('terminals.hosts')[0];
          expect(found).toBeDefined();
          return found;
        });
        transport('host').say('terminals.hosts', {
          request: asked?.['request'],
          hosts: [{ name, source: 'connected' }]
        });
      };
      known.click();
      known.click(); // too soon
      await greet('host');
      await hosts('demo');
      expect(await opened('host', 'one')).toBe('demo');
      await until(() => expect([...app.shell.widgets('main')].map(({ id }) => id)).toContain('jssh-host-one'));
      await until(() => expect(known.ariaBusy).toBeNull());
      known.click();
      await hosts('other');
      await until(() => expect(text()).toContain('Connect to'));
      await press('Cancel');
      await until(() => expect(known.ariaBusy).toBeNull());
      expect(sockets.get('host')).toHaveLength(1);
    });

    it('keep such links in what documents say, whenever Lab says which it keeps', async () => {
      await until(() => expect(sanitizer.sanitize('<a href="ssh://x">x</a>')).toContain('ssh://x'));
      sanitizer.setAllowedSchemes(['https']);
      expect(sanitizer.sanitize('<a href="ssh://x">x</a>')).toContain('ssh://x');
      expect(sanitizer.sanitize('<a href="ftp://x">x</a>')).not.toContain('ftp:');
    });

    describe('draw an output', () => {
      const draw = async (data: object): Promise<HTMLElement> => {
        const renderer = rendermime.createRenderer(MIME);
        await renderer.renderModel(new MimeModel({ data: { [MIME]: data as never } }));
        Widget.attach(renderer, document.body);
        shown.push(renderer);
        return renderer.node;
      };
      let shown: Widget[];

      beforeEach(() => {
        shown = [];
      });

      afterEach(async () => {
        await frames();
        shown.forEach(widget => widget.dispose());
      });

      const output = { version: 1, place: 'k', session: 's', name: 'box', inline: false };

      it('as a line whose tab opens by itself, once', async () => {
        const node = await draw(output);
        expect(node.textContent).toBe('SSH terminal on boxShow the terminal');
        await greet('k', described('s', { wanted: true }));
        await until(() => expect([...app.shell.widgets('main')].map(({ id }) => id)).toEqual(['jssh-k-s']));
      });

      it('as a line whose button opens the tab of an older one', async () => {
        const node = await draw(output);
        await greet('k', described('s', { wanted: false }));
        expect([...app.shell.widgets('main')]).toEqual([]);
        node.querySelector('button')?.click();
        expect([...app.shell.widgets('main')].map(({ id }) => id)).toEqual(['jssh-k-s']);
      });

      it('as the terminal itself, with a button for a tab while it lives', async () => {
        const node = await draw({ ...output, inline: true });
        await greet('k', described('s', { wanted: false }));
        const buttons = node.querySelector<HTMLElement>('.jssh-Inline-buttons');
        expect(buttons?.hidden).toBe(false);
        buttons?.querySelector('button')?.click();
        expect([...app.shell.widgets('main')].map(({ id }) => id)).toEqual(['jssh-k-s']);
        transport('k').say('terminals.session', { description: described('s', { state: 'ended' }) });
        expect(buttons?.hidden).toBe(true);
      });

      it('of another version as a line that says so', async () => {
        expect((await draw({ ...output, version: 9 })).textContent).toBe(
          'This SSH terminal needs another version of the extension.'
        );
      });
    });
  });
});
