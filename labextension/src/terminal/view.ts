/** A session on the page: Lab's terminal widget with a viewer behind it, and the texts about the session. */

import { Terminal } from '@jupyterlab/terminal';
import type { ITranslator } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';
import type { Terminal as XTerm } from '@xterm/xterm';
import { HOST_PLACE, type Place } from '../connection/place';
import { LossDialog } from '../dialogs/connection_lost';
import { QuestionPanel } from '../dialogs/question_panel';
import { questions } from '../services/questions/service';
import type { Description } from '../services/terminals/messages';
import { terminals, type PlaceTerminals } from '../services/terminals/service';
import type { SettingsStore } from '../settings';
import { guardQueries, isFocusReport, watchTyping } from '../stream/queries';
import { TerminalScreen } from '../stream/screen';
import { Viewer } from '../stream/viewer';
import { textsOf, type TranslationBundle } from '../translation';
import { TerminalAdapter } from './adapter';
import { condition, label, wayOf, type Action, type Condition } from './condition';
import { guardKeys } from './keys';
import { showHiddenLinks } from './links';
import { ON_DARK, ON_LIGHT } from './palette';
import { useFittingRenderer } from './renderer';
import { Status } from './status';
import { Strip } from './strip';

/** A loss shorter than this is not worth a strip. */
const PATIENCE = 1_000;
const FLASH = 150;
/** WCAG 2.2, 1.4.3. */
const CONTRAST = 4.5;
/** The events that mean that the person does something to the terminal. */
const TOUCHES = ['keydown', 'pointerdown', 'pointermove', 'wheel', 'touchmove'] as const;
const encoder = new TextEncoder();

interface PrivateTerminal {
  _term: XTerm;
  _fitAddon?: { proposeDimensions(): { rows: number; cols: number } | undefined };
}

export interface ViewOptions {
  place: Place;
  session: string;
  /** The host's name before the place has answered. */
  host: string;
  settings: Pick<SettingsStore, 'current' | 'changed'>;
  translator: ITranslator;
  isLight: () => boolean;
  /** Whether it is in a tab, which can be closed. */
  inTab: boolean;
  onAction: (action: Action) => void;
}

export class SessionView implements IDisposable {
  readonly terminal: Terminal;
  readonly status = new Status();
  readonly strip: Strip;
  readonly questions: QuestionPanel;
  readonly session: string;
  isDisposed = false;
  private viewer: Viewer | null = null;
  private xterm: XTerm | null = null;
  private wasTyped = (): boolean => true;
  private isGone = false;
  private last: Description | null = null;
  private patience: ReturnType<typeof setTimeout> | null = null;
  private isPatient = true;
  /** Whether there is no connection to the place. */
  private isApart = true;
  private readonly lossDialog: LossDialog;
  private shown: Condition = { dot: 'busy', text: '', strip: null };
  private readonly changedSignal = new Signal<this, undefined>(this);
  private readonly trans: TranslationBundle;
  private readonly place: Place;
  private readonly release: () => void;

  constructor(private readonly options: ViewOptions) {
    const { place, session } = options;
    this.trans = textsOf(options.translator);
    this.place = place;
    this.release = place.use();
    this.session = session;
    this.strip = new Strip(action => options.onAction(action), this.trans);
    this.questions = new QuestionPanel(
      (question, answer) => place.service(questions).answer(question, answer),
      () => this.xterm?.focus(),
      this.trans
    );
    const adapter = new TerminalAdapter(session, {
      typed: text => this.typed(text),
      sized: () => this.fit()
    });
    this.terminal = new Terminal(adapter, this.terminalOptions(), options.translator);
    this.terminal.addClass('jssh-Terminal');
    this.terminal.removeClass('jp-Terminal'); // the keys and menus of Lab's own terminal do not work with ours
    this.terminal.node.setAttribute('role', 'application');
    this.lossDialog = new LossDialog(options.translator, this.terminal.node);
    guardKeys(this.terminal.node);
    this.terminal.ready.then(
      () => this.begin(),
      (error: unknown) => console.error('jupyter_ssh: no terminal', error)
    );
    place.stateChanged.connect(this.refresh, this);
    this.terminals.sessionsChanged.connect(this.refresh, this);
    this.terminals.sessionGone.connect((_, gone) => this.onGone(gone), this);
    place.service(questions).changed.connect(this.refresh, this);
    options.settings.changed.connect(this.applySettings, this);
    document.addEventListener('visibilitychange', this.fit);
    window.addEventListener('pagehide', this.onPageHide);
    this.terminal.node.addEventListener('focusin', this.onFocus);
    TOUCHES.forEach(name => this.terminal.node.addEventListener(name, this.onTouch, { capture: true, passive: true }));
    place.connect();
    this.refresh();
  }

  /** Emitted when the title, the condition or the description has changed. */
  get changed(): ISignal<this, undefined> {
    return this.changedSignal;
  }

  private get terminals(): PlaceTerminals {
    return this.place.service(terminals);
  }

  get description(): Description | null {
    return this.terminals.sessions.get(this.session) ?? this.last;
  }

  get condition(): Condition {
    return this.shown;
  }

  /** How frames travel, for the tooltip. */
  get transport(): string {
    return wayOf(this.place.way, this.trans);
  }

  /** The host as it was typed, even if its place no longer exists. */
  get host(): string {
    return this.description?.host ?? this.options.host;
  }

  get label(): string {
    return this.description === null ? this.options.host || this.trans.__('SSH terminal') : label(this.description);
  }

  /** Whether the person would lose something if the session ended. */
  get isAlive(): boolean {
    const { description } = this;
    return !this.isGone && (description?.state === 'open' || description?.state === 'connecting');
  }

  /** The part of xterm.js that commands need; null until it exists. */
  get screen(): Pick<XTerm, 'clearSelection' | 'focus' | 'clear' | 'selectAll' | 'buffer'> | null {
    return this.xterm;
  }

  /** Draw in the theme's colours. */
  applyTheme(): void {
    this.terminal.setOption('theme', this.options.settings.current.lab.theme ?? 'inherit');
    if (this.xterm !== null) {
      const theme = this.terminal.getOption('theme');
      const isLight = theme === 'light' || (theme !== 'dark' && this.options.isLight());
      // Black on green, which htop and ls use a lot, is hard to read if the green is dark enough for white paper.
      this.xterm.options.minimumContrastRatio = CONTRAST;
      this.xterm.options.theme = { ...this.xterm.options.theme, ...(isLight ? ON_LIGHT : ON_DARK) };
      this.terminal.node.style.setProperty('--jssh-paper', this.xterm.options.theme.background ?? '');
    }
  }

  /** Focus the element with which the person continues. */
  focus(): void {
    if (this.questions.isShown) {
      this.questions.focus();
    } else {
      this.xterm?.focus();
    }
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.isDisposed = true;
    this.release();
    Signal.disconnectReceiver(this);
    Signal.clearData(this);
    document.removeEventListener('visibilitychange', this.fit);
    window.removeEventListener('pagehide', this.onPageHide);
    if (this.patience !== null) {
      clearTimeout(this.patience);
    }
    this.viewer?.dispose();
    this.questions.dispose();
    this.strip.dispose();
    this.status.dispose();
  }

  private begin(): void {
    if (this.isDisposed) {
      return;
    }
    const xterm = (this.terminal as unknown as PrivateTerminal)._term;
    this.xterm = xterm;
    useFittingRenderer(xterm, this.options.settings.current.renderer);
    const screen = new TerminalScreen(xterm);
    const events = {
      changed: () => this.refresh(),
      gone: () => this.onGone(this.session),
      drawn: () => this.terminal.node.setAttribute('data-jssh-drawn', ''),
      trouble: (text: string) => console.warn(`jupyter_ssh: ${text}`)
    };
    const viewer = new Viewer(this.session, this.terminals, screen, events, this.trans);
    this.viewer = viewer;
    guardQueries(xterm, () => viewer.answers);
    this.wasTyped = watchTyping(xterm);
    showHiddenLinks(xterm, this.terminal.node, this.trans);
    xterm.onBinary(data => viewer.type(Uint8Array.from(data, char => char.charCodeAt(0))));
    xterm.onTitleChange(title => {
      viewer.title(title);
      this.retitle();
    });
    xterm.onBell(() => this.ring());
    xterm.onResize(() => viewer.touched());
    this.applyTheme();
    this.retitle();
    this.fit();
    if (this.place.state === 'connected') {
      viewer.connected();
    }
  }

  private typed(text: string): void {
    const { viewer } = this;
    const wasTyped = this.wasTyped();
    if (viewer === null || (isFocusReport(text) && !viewer.answers) || !this.isAlive) {
      return;
    }
    const bytes = encoder.encode(text);
    if (wasTyped) {
      viewer.type(bytes);
    } else {
      viewer.answer(bytes);
    }
  }

  /** Return the rows and columns for which there is room; null while nothing is drawn. */
  private room(): { rows: number; cols: number } | null {
    const size = (this.terminal as unknown as PrivateTerminal)._fitAddon?.proposeDimensions();
    return size && size.rows > 0 && size.cols > 0 ? size : null; // NaN where the font has not been measured
  }

  private readonly fit = (): void => {
    const { viewer, xterm } = this;
    if (viewer === null || xterm === null) {
      return;
    }
    const size = this.terminal.isVisible && document.visibilityState === 'visible' ? this.room() : null;
    // The strip that reports a loss takes room: the programs need not know for a while, but the last lines are those
    // that count.
    const isLow = this.isApart && size !== null && xterm.buffer.active.cursorY >= size.rows;
    this.terminal.toggleClass('jssh-mod-low', isLow);
    if (this.isApart && viewer.room !== null) {
      return;
    }
    if (size === null) {
      viewer.hide();
      return;
    }
    const { rows, cols } = size;
    viewer.show(rows, cols, true);
    if (!this.isAlive && (rows !== xterm.rows || cols !== xterm.cols)) {
      xterm.resize(cols, rows); // no other viewer decides the size any more
    }
  };

  private readonly onPageHide = (): void => {
    this.viewer?.leaving();
  };

  private readonly onTouch = (event: Event): void => {
    const isJustPassing = event instanceof PointerEvent && event.type === 'pointermove' && event.buttons === 0;
    if (!isJustPassing) {
      this.viewer?.touched();
    }
  };

  private readonly onFocus = (): void => {
    const { viewer, xterm } = this;
    if (viewer !== null && xterm !== null && !viewer.lead) {
      this.announceFocus(viewer);
    }
  };

  private announceFocus(viewer: Viewer): void {
    const size = viewer.room ?? this.room(); // not measured again: a strip may be about to disappear
    if (size !== null) {
      viewer.show(size.rows, size.cols, true, true);
    }
  }

  private onGone(session: string): void {
    if (session === this.session) {
      this.isGone = true;
      this.refresh();
    }
  }

  private refresh(): void {
    if (this.isDisposed) {
      return;
    }
    const { place } = this;
    const known = this.terminals.sessions.get(this.session);
    if (known !== undefined) {
      this.last = known;
      this.isGone = false;
    }
    if (!this.isAlive) {
      this.viewer?.forgetInput();
    }
    const asked = place.service(questions).about({ service: terminals.name, session: this.session });
    this.wait(place.state === 'waiting' || place.state === 'connecting');
    // Each try is "connecting" for a moment: the strip stays until one succeeds.
    const isTrying = place.state === 'connecting' && !this.isPatient && this.last !== null;
    const wasApart = this.isApart;
    this.isApart = place.state !== 'connected';
    if (wasApart && !this.isApart) {
      this.lossDialog.dismiss();
    }
    const hadStrip = this.strip.isVisible;
    const circumstances = {
      place: isTrying ? ('waiting' as const) : place.state,
      isHost: place.id === HOST_PLACE,
      reason: place.reason,
      attached: this.viewer?.attached ?? false,
      gone: this.isGone,
      questions: asked.length,
      description: this.description
    };
    const now = condition(circumstances, this.trans);
    if (place.state === 'connected' || !this.isPatient) {
      this.shown = now;
    } else {
      const text = this.trans.__('Reconnecting …');
      this.shown = place.state === 'waiting' ? { ...now, strip: null, dot: 'busy', text } : now;
    }
    const { strip } = this.shown;
    const canDo = (action: Action): boolean => action !== 'close' || this.options.inTab;
    this.strip.display(strip && { ...strip, actions: strip.actions.filter(canDo) });
    const name = this.description?.name || this.options.host;
    this.questions.display(asked[0] ?? null, name, this.mayTakeFocus());
    this.status.display(name, this.shown, this.transport);
    this.terminal.node.setAttribute('aria-label', this.trans.__('SSH terminal on %1', name));
    this.terminal.toggleClass('jssh-mod-over', this.shown.dot === 'ended' || this.shown.dot === 'lost');
    this.changedSignal.emit(undefined);
    if (wasApart && !this.isApart && !hadStrip) {
      this.fit(); // when a strip disappears, the layout requests it
    }
  }

  /** Do not report a loss until it has lasted for a while. */
  private wait(isLost: boolean): void {
    if (!isLost) {
      this.isPatient = true;
      if (this.patience !== null) {
        clearTimeout(this.patience);
        this.patience = null;
      }
    } else if (this.patience === null && this.isPatient) {
      this.patience = setTimeout(() => {
        this.patience = null;
        this.isPatient = false;
        this.refresh();
      }, PATIENCE);
    }
  }

  /** Return whether the person is in this tab, or nowhere. */
  private mayTakeFocus(): boolean {
    const focused = document.activeElement;
    const here = this.terminal.node.closest('.jssh-Tab, .jssh-Inline') ?? this.terminal.node;
    return this.terminal.isVisible && (focused === null || focused === document.body || here.contains(focused));
  }

  private retitle(): void {
    // The widget has just set the remote's title as it is.
    this.terminal.title.label = this.label;
    this.changedSignal.emit(undefined);
  }

  private ring(): void {
    const isShown = this.terminal.hasClass('jssh-mod-bell'); // a thousand bells are one
    if (this.options.settings.current.bell === 'visual' && this.viewer?.isReplaying === false && !isShown) {
      this.terminal.addClass('jssh-mod-bell');
      setTimeout(() => this.terminal.removeClass('jssh-mod-bell'), FLASH);
    }
  }

  private terminalOptions(): ConstructorParameters<typeof Terminal>[1] {
    const { lab, scrollback } = this.options.settings.current;
    return {
      ...lab,
      scrollback,
      theme: lab.theme ?? 'inherit',
      autoFit: false, // the session may be smaller than the tab
      closeOnExit: false,
      shutdownOnClose: false,
      initialCommand: ''
    };
  }

  private applySettings(): void {
    if (this.xterm === null) {
      return;
    }
    const { lab, scrollback } = this.options.settings.current;
    this.terminal.setOption('scrollback', scrollback);
    for (const name of ['fontFamily', 'fontSize', 'lineHeight', 'screenReaderMode', 'macOptionIsMeta'] as const) {
      const value = lab[name];
      if (value !== undefined) {
        this.terminal.setOption(name, value);
      }
    }
    this.terminal.setOption('pasteWithCtrlV', lab.pasteWithCtrlV ?? true);
    this.applyTheme();
  }
}
