/** Terminals on this page: in tabs that are restored after a reload, or in an output. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import { WidgetTracker, type IThemeManager } from '@jupyterlab/apputils';
import type { ITranslator } from '@jupyterlab/translation';
import type { Place } from '../connection/place';
import type { Places } from '../connection/places';
import { showFailure } from '../dialogs/failure';
import { chooseHost } from '../dialogs/host_chooser';
import { terminals, type PlaceTerminals } from '../services/terminals/service';
import type { Located, SessionList } from '../services/terminals/session_list';
import type { SettingsStore } from '../settings';
import { textsOf, type TranslationBundle } from '../translation';
import type { Action } from './condition';
import { SessionTab } from './tab';
import { SessionView } from './view';

const TAB_TYPE = 'SSH Terminal';
/** How long a person who wants a new session waits for a kernel that may have none, in milliseconds. */
const SOON = 2_500;
const ROWS = 24;
const COLS = 80;

/** What is needed to show a session. */
export interface SessionArgs {
  place: string;
  session: string;
  /** The name to show before the place has answered. */
  host: string;
}

/** Where a tab opens, and whether it is brought to the front. */
export interface OpenOptions {
  activate?: boolean;
  mode?: 'tab-after' | 'split-right';
  ref?: string;
}

export interface TerminalsOptions {
  shell: JupyterFrontEnd.IShell;
  places: Pick<Places, 'at' | 'host'>;
  sessions: Pick<SessionList, 'end'>;
  settings: Pick<SettingsStore, 'current' | 'changed' | 'setOnClose'>;
  translator: ITranslator;
  themes: IThemeManager | null;
}

export class Terminals {
  readonly tabs = new WidgetTracker<SessionTab>({ namespace: 'jupyter-ssh' });
  private readonly views = new Set<SessionView>();
  private readonly trans: TranslationBundle;

  constructor(private readonly options: TerminalsOptions) {
    this.trans = textsOf(options.translator);
    options.themes?.themeChanged.connect(() => {
      for (const view of this.views) {
        view.applyTheme();
      }
    });
  }

  /** Open a tab for a session, or bring the one that shows it to the front. */
  openTab(args: SessionArgs, options: OpenOptions = {}): SessionTab {
    const { shell, settings } = this.options;
    const found = this.find(args.session);
    if (found !== undefined) {
      if (options.activate !== false) {
        shell.activateById(found.id);
      }
      return found;
    }
    const view = this.makeView(args, true, action => this.act(action, args, tab));
    const tab: SessionTab = new SessionTab(
      view,
      args.place,
      settings,
      this.trans,
      () => this.at(args.place).send('end', { session: args.session }),
      () => this.act(view.description?.state === 'open' ? 'retry' : 'reconnect', args, tab)
    );
    void this.tabs.add(tab);
    shell.add(tab, 'main', { mode: 'tab-after', type: TAB_TYPE, activate: options.activate !== false, ...options });
    this.announce(args);
    return tab;
  }

  /** Return a view that is not in a tab. The caller disposes of it. */
  openView(args: SessionArgs): SessionView {
    const view = this.makeView(args, false, action => this.act(action, args, null));
    this.announce(args);
    return view;
  }

  /** Ask for a host unless one is given, and open a session in the extension's own process. Null if none was opened. */
  async openHost(host: string | null, options: OpenOptions = {}): Promise<SessionTab | null> {
    const { places } = this.options;
    // The host process starts while the person chooses.
    const started = places.host();
    started.catch(() => undefined); // reported below, or in the chooser
    const chosen = host ?? (await this.chooseHost(started));
    if (chosen === null) {
      return null;
    }
    try {
      // After minutes of thinking, the connection has been closed, and the process has ended, as unused.
      const place = host === null ? await places.host() : await started;
      const session = await place.service(terminals).open(chosen, null, ROWS, COLS);
      return this.openTab({ place: place.id, session, host: chosen }, options);
    } catch (error) {
      await showFailure(this.trans.__('No terminal on %1', chosen), error);
      return null;
    }
  }

  /** End a session wherever it is, and close its tab. */
  async end(located: Located): Promise<void> {
    try {
      await this.options.sessions.end(located);
      this.find(located.description.session)?.closeNow();
    } catch (error) {
      await showFailure(this.trans.__('The session could not be ended'), error);
    }
  }

  private chooseHost(started: Promise<Place>): Promise<string | null> {
    return chooseHost(
      started.then(place => place.service(terminals).hosts()),
      this.trans
    );
  }

  private find(session: string): SessionTab | undefined {
    return this.tabs.find(tab => tab.view.session === session);
  }

  private at(place: string): PlaceTerminals {
    return this.options.places.at(place).service(terminals);
  }

  /** Tell the place that a tab was opened. */
  private announce({ place, session }: SessionArgs): void {
    const there = this.at(place);
    there.session(session).then(
      description => {
        if (description?.wanted) {
          there.send('shown', { session });
        }
      },
      () => undefined // the tab reports it
    );
  }

  private makeView(args: SessionArgs, inTab: boolean, onAction: (action: Action) => void): SessionView {
    const { places, settings, translator, themes } = this.options;
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
    const place = this.options.places.at(args.place);
    switch (action) {
      case 'retry':
        place.connect();
        place.hurry();
        break;
      case 'reload':
        window.location.reload();
        break;
      case 'close':
        tab?.close();
        break;
      case 'reconnect':
        place.connect();
        this.reconnect(args, tab);
        break;
      case 'new':
        void this.renew(args, tab);
        break;
    }
  }

  private reconnect({ place, session }: SessionArgs, tab: SessionTab | null): void {
    this.at(place).send('reconnect', { session });
    tab?.view.focus();
  }

  /** Connect to the same host again: in the same session if it still exists, else in a new one. */
  private async renew(args: SessionArgs, tab: SessionTab | null): Promise<void> {
    const { places } = this.options;
    const old = places.at(args.place);
    if (old.state === 'connected' && old.service(terminals).sessions.has(args.session)) {
      this.reconnect(args, tab);
      return;
    }
    const host = tab?.view.description?.host ?? args.host;
    const command = tab?.view.description?.command ?? null;
    try {
      const place = await old.ready(SOON).then(
        () => old,
        () => places.host() // the kernel is gone: the extension's own process has terminals too
      );
      const session = await place.service(terminals).open(host, command, ROWS, COLS);
      this.openTab({ place: place.id, session, host }, tab === null ? {} : { ref: tab.id });
      tab?.closeNow();
    } catch (error) {
      await showFailure(this.trans.__('No new session on %1', host), error);
    }
  }
}
