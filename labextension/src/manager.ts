/** Opening sessions: in tabs that come back after a reload, or in an output. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, showDialog, WidgetTracker, type IThemeManager } from '@jupyterlab/apputils';
import type { ITranslator } from '@jupyterlab/translation';
import type { Widget } from '@lumino/widgets';
import type { Located, Places } from './connection/places';
import { RequestError } from './connection/place';
import { chooseHost } from './dialogs/host_chooser';
import type { SettingsStore } from './settings';
import type { Action } from './terminal/condition';
import { SessionTab } from './terminal/tab';
import { SessionView } from './terminal/view';

export const OPEN_SESSION = 'jupyter-ssh:open-session';
const TAB_TYPE = 'SSH Terminal';
/** How long a person who wants a new session waits for a kernel that may have none, in milliseconds. */
const SOON = 2_500;
const ROWS = 24;
const COLS = 80;

export interface Context {
  app: JupyterFrontEnd;
  places: Places;
  settings: SettingsStore;
  translator: ITranslator;
  themes: IThemeManager | null;
}

export interface SessionArgs {
  place: string;
  session: string;
  host: string;
}

/** Where a tab opens, and whether it comes to the front. */
export interface OpenOptions {
  activate?: boolean;
  mode?: 'tab-after' | 'split-right';
  ref?: string;
}

export class Manager {
  readonly tracker = new WidgetTracker<SessionTab>({ namespace: 'jupyter-ssh' });
  private readonly views = new Set<SessionView>();

  constructor(private readonly context: Context) {
    context.themes?.themeChanged.connect(() => {
      for (const view of this.views) {
        view.applyTheme();
      }
    });
  }

  /** The tab that shows this session, if there is one. */
  find(session: string): SessionTab | undefined {
    return this.tracker.find(tab => tab.view.session === session);
  }

  /** Open a tab for a session, or bring the one that shows it to the front. */
  openTab(args: SessionArgs, options: OpenOptions = {}): SessionTab {
    const { shell } = this.context.app;
    const found = this.find(args.session);
    if (found !== undefined) {
      if (options.activate !== false) {
        shell.activateById(found.id);
      }
      return found;
    }
    const connection = this.context.places.at(args.place);
    const view = this.makeView(args, true, action => this.act(action, args, tab));
    const tab: SessionTab = new SessionTab(
      view,
      args.place,
      this.context.settings,
      () => connection.send({ type: 'end', session: args.session }),
      () => this.act(view.description?.state === 'open' ? 'retry' : 'reconnect', args, tab)
    );
    void this.tracker.add(tab);
    shell.add(tab, 'main', { mode: 'tab-after', type: TAB_TYPE, activate: options.activate !== false, ...options });
    this.announce(args);
    return tab;
  }

  /**
   * Open a terminal where a link leads, beside the document that has it. Only hosts that the person's own files name
   * are connected to without being shown first.
   */
  async follow(destination: string, link: Node): Promise<void> {
    const hosts = this.context.places.host().then(place => place.hosts());
    const isKnown = await hosts.then(
      list => list.some(({ name }) => name === destination),
      () => false // said in the chooser
    );
    const chosen = isKnown ? destination : await chooseHost(hosts, destination);
    if (chosen === null) {
      return;
    }
    const joining = this.joining(link);
    const document = this.documentOf(link);
    const apart: OpenOptions = document === undefined ? {} : { mode: 'split-right', ref: document.id };
    await this.openHost(chosen, joining.ref === undefined ? apart : joining);
  }

  /** A tab that is opened from a document joins the terminals that stand beside it. */
  joining(inDocument: Node): OpenOptions {
    const document = this.documentOf(inDocument);
    const beside = this.tracker.find(tab => tab.isVisible && document?.isVisible === true);
    return beside === undefined ? {} : { ref: beside.id };
  }

  private documentOf(node: Node): Widget | undefined {
    return [...this.context.app.shell.widgets('main')].find(widget => widget.node.contains(node));
  }

  /** A view for an output. The caller disposes of it. */
  openInline(args: SessionArgs): SessionView {
    const view = this.makeView(args, false, action => this.act(action, args, null));
    this.announce(args);
    return view;
  }

  /**
   * Ask for a host unless one is given, and open a session in the extension's own process. Null where none came to be.
   */
  async openHost(host: string | null, options: OpenOptions = {}): Promise<SessionTab | null> {
    const { places } = this.context;
    // The host process starts while the person chooses.
    const connection = places.host();
    connection.catch(() => undefined); // said below, or in the chooser
    const chosen = host ?? (await chooseHost(connection.then(place => place.hosts())));
    if (chosen === null) {
      return null;
    }
    try {
      // Whoever thinks for minutes finds the connection closed, and the process ended, as unused.
      const place = host === null ? await places.host() : await connection;
      const session = await place.open(chosen, null, ROWS, COLS);
      return this.openTab({ place: place.place, session, host: chosen }, options);
    } catch (error) {
      await explain(`No terminal on ${chosen}`, error);
      return null;
    }
  }

  /** End a session wherever it is, and close its tab. */
  async end(located: Located): Promise<void> {
    try {
      await this.context.places.end(located);
      this.find(located.description.session)?.closeNow();
    } catch (error) {
      await explain('The session could not be ended', error);
    }
  }

  /** Tell the place that a tab has been opened. */
  private announce({ place, session }: SessionArgs): void {
    const connection = this.context.places.at(place);
    connection.session(session).then(
      description => {
        if (description?.wanted) {
          connection.send({ type: 'shown', session });
        }
      },
      () => undefined // the tab says so itself
    );
  }

  private makeView(args: SessionArgs, inTab: boolean, onAction: (action: Action) => void): SessionView {
    const { places, settings, translator, themes } = this.context;
    const view = new SessionView({
      place: places.at(args.place),
      session: args.session,
      host: args.host,
      settings,
      translator,
      isLight: () => (themes?.theme ? themes.isLight(themes.theme) : true),
      inTab,
      onAction
    });
    this.views.add(view);
    view.terminal.disposed.connect(() => {
      view.dispose();
      this.views.delete(view);
    });
    return view;
  }

  private act(action: Action, args: SessionArgs, tab: SessionTab | null): void {
    const connection = this.context.places.at(args.place);
    switch (action) {
      case 'retry':
        connection.connect();
        connection.hurry();
        break;
      case 'reload':
        window.location.reload();
        break;
      case 'close':
        tab?.close();
        break;
      case 'reconnect':
        connection.connect();
        connection.send({ type: 'reconnect', session: args.session });
        tab?.view.focus();
        break;
      case 'new':
        void this.renew(args, tab);
        break;
    }
  }

  /** Another session to the same host: in the same one if it is still there, else in a new one. */
  private async renew(args: SessionArgs, tab: SessionTab | null): Promise<void> {
    const connection = this.context.places.at(args.place);
    const known = connection.sessions.get(args.session);
    if (connection.state === 'connected' && known !== undefined) {
      connection.send({ type: 'reconnect', session: args.session });
      tab?.view.focus();
      return;
    }
    const host = tab?.view.description?.host ?? args.host;
    const command = tab?.view.description?.command ?? null;
    try {
      const place = await connection.ready(SOON).then(
        () => connection,
        () => this.context.places.host() // the kernel is gone: the extension's own process has terminals too
      );
      const session = await place.open(host, command, ROWS, COLS);
      this.openTab({ place: place.place, session, host }, tab === null ? {} : { ref: tab.id });
      tab?.closeNow();
    } catch (error) {
      await explain(`No new session on ${host}`, error);
    }
  }
}

async function explain(title: string, error: unknown): Promise<void> {
  const text = error instanceof Error ? error.message : String(error);
  const next = error instanceof RequestError && error.nextStep !== '' ? ` ${error.nextStep}` : '';
  await showDialog({ title, body: text + next, buttons: [Dialog.okButton()] });
}
