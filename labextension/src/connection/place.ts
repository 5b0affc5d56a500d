/** The one connection of this page to a place: greeting, sessions, requests, streams, and coming back after a loss. */

import { Signal, type ISignal } from '@lumino/signaling';
import type { DataFrame } from '../protocol/frames';
import {
  VERSION,
  type Answer,
  type Attached,
  type Description,
  type ErrorFrame,
  type FromKernel,
  type HostEntry,
  type Question,
  type ToKernel
} from '../protocol/messages';
import { Backoff, realClock, type Clock } from './backoff';
import { CLOSE, THROUGH_CHANNELS, type Transport, type TransportFactory } from './transport';

/**
 * `waiting`: lost, and tried again by itself. The others end the trying: `ended` (the kernel), `absent` (no terminal
 * service there), `denied`, `version` (the page is of another version of the extension).
 */
export type PlaceState = 'idle' | 'connecting' | 'connected' | 'waiting' | 'ended' | 'absent' | 'denied' | 'version';

/** What a stream hears of its connection. */
export interface StreamListener {
  readonly session: string;
  connected(): void;
  disconnected(): void;
  /** The service was replaced: the session is gone. */
  replaced(): void;
  onAttached(frame: Attached): void;
  data(offset: number, bytes: Uint8Array): void;
  control(frame: FromKernel): void;
}

/** Where the page talks to a kernel. */
export interface PlaceOptions {
  place: string;
  client: string;
  webSocket: TransportFactory;
  /** Null where the kernel cannot be reached in another way. */
  fallback: () => TransportFactory | null;
  /** Why a WebSocket could not even be opened: 404 where the server has no bridge, 403, or 0 for "no answer". */
  probe: () => Promise<number>;
  clock?: Clock;
}

interface Pending {
  resolve: (frame: FromKernel) => void;
  reject: (error: Error) => void;
  cancel: () => void;
}

const REQUEST_TIMEOUT = 20_000;
const GREETING_TIMEOUT = 12_000;
/** While a page is restored, the connection of a notebook to its kernel may be long in coming, as may its greeting. */
const FINDING_TIMEOUT = 60_000;
const PROBE_TIMEOUT = 5_000;
const DOUBT = 15_000;
const FRAME_ERRORS = 3;
/** Greetings that a kernel which has answered before may leave unanswered. */
const GREETINGS = 3;

/** A request that the kernel refused, or that got no answer. */
export class RequestError extends Error {
  constructor(
    message: string,
    readonly nextStep = ''
  ) {
    super(message);
  }
}

export class PlaceConnection {
  readonly place: string;
  readonly sessions = new Map<string, Description>();
  readonly questions = new Map<string, Question>();

  private transport: Transport | null = null;
  private usesFallback = false;
  /** Whether the Jupyter server speaks to the kernel over the kernel's own channels. */
  private isThroughChannels = false;
  private readonly backoff: Backoff;
  private readonly clock: Clock;
  private readonly streams = new Map<number, StreamListener>();
  private readonly pending = new Map<number, Pending>();
  private held = 0;
  private counter = 0;
  private start: string | null = null;
  private cancelGreeting: (() => void) | null = null;
  private cancelProbe: (() => void) | null = null;
  private cancelDoubt: (() => void) | null = null;
  private badFrames = 0;
  private ungreeted = 0;
  private stateValue: PlaceState = 'idle';
  private reasonValue = '';
  private readonly stateSignal = new Signal<this, PlaceState>(this);
  private readonly sessionsSignal = new Signal<this, string>(this);
  private readonly questionsSignal = new Signal<this, string>(this);
  private readonly goneSignal = new Signal<this, string>(this);

  constructor(private readonly options: PlaceOptions) {
    this.place = options.place;
    this.clock = options.clock ?? realClock;
    this.backoff = new Backoff(() => this.begin(), this.clock);
  }

  get state(): PlaceState {
    return this.stateValue;
  }

  /** Why it is in this state, for people. */
  get reason(): string {
    return this.reasonValue;
  }

  get stateChanged(): ISignal<this, PlaceState> {
    return this.stateSignal;
  }

  /** The id of the session that has changed, begun or gone. */
  get sessionsChanged(): ISignal<this, string> {
    return this.sessionsSignal;
  }

  get sessionGone(): ISignal<this, string> {
    return this.goneSignal;
  }

  /** The id of the session whose questions have changed. */
  get questionsChanged(): ISignal<this, string> {
    return this.questionsSignal;
  }

  /** How frames travel, for the tooltip. */
  get description(): string {
    return this.isThroughChannels ? THROUGH_CHANNELS : (this.transport?.description ?? '');
  }

  /** Whether anything uses this connection. */
  get isUsed(): boolean {
    return this.held > 0 || this.streams.size > 0 || this.pending.size > 0;
  }

  /** Connect if it is not; what ended the trying before is tried again. */
  connect(): void {
    if (this.stateValue === 'connecting' || this.stateValue === 'connected') {
      return;
    }
    this.backoff.stop();
    this.badFrames = 0;
    this.begin();
  }

  /** Use the connection until the function is called that is returned. A view does, whose stream is yet to come. */
  hold(): () => void {
    this.held += 1;
    return () => {
      this.held -= 1;
    };
  }

  /** Close, and try no more. */
  close(): void {
    this.backoff.stop();
    this.drop();
    this.setState('idle', '');
  }

  /** The network is back, or the person looks: try at once, or ask whether the kernel is still there. */
  hurry(): void {
    this.backoff.hurry();
    if (this.stateValue === 'connected' && this.cancelProbe === null) {
      this.transport?.sendControl({ type: 'ping' });
      this.cancelProbe = this.clock.after(PROBE_TIMEOUT, () => {
        this.cancelProbe = null;
        this.lost(CLOSE.silent, 'no answer');
      });
    }
  }

  /** Wait for the connection. Rejects with RequestError where it cannot be had or takes longer than `patience` (ms). */
  ready(patience = REQUEST_TIMEOUT): Promise<void> {
    this.connect();
    if (this.stateValue === 'connected') {
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const done = (error?: Error): void => {
        cancel();
        this.stateSignal.disconnect(check);
        if (error) {
          reject(error);
        } else {
          resolve();
        }
      };
      const check = (): void => {
        if (this.stateValue === 'connected') {
          done();
        } else if (['ended', 'absent', 'denied', 'version'].includes(this.stateValue)) {
          done(new RequestError(this.reasonValue));
        }
      };
      const cancel = this.clock.after(patience, () => done(new RequestError('The server did not answer.')));
      this.stateSignal.connect(check);
    });
  }

  /**
   * What is known of a session, which may be heard of here later than in a cell's output. Undefined where it stays
   * unknown; rejects as `ready` does.
   */
  async session(id: string): Promise<Description | undefined> {
    await this.ready();
    return this.sessions.get(id) ?? (await this.sessionHeardOf(id));
  }

  private sessionHeardOf(id: string): Promise<Description | undefined> {
    return new Promise(resolve => {
      const release = this.hold();
      const done = (): void => {
        cancel();
        release();
        this.sessionsSignal.disconnect(check);
        resolve(this.sessions.get(id));
      };
      const check = (_: this, changed: string): void => {
        if (changed === id) {
          done();
        }
      };
      const cancel = this.clock.after(REQUEST_TIMEOUT, done);
      this.sessionsSignal.connect(check);
    });
  }

  /** The hosts that can be offered. */
  async hosts(): Promise<HostEntry[]> {
    const answer = await this.request(request => ({ type: 'hosts', request }));
    return answer.type === 'hosts' ? answer.hosts : [];
  }

  /** Begin a session; returns its id. */
  async open(host: string, command: string | null, rows: number, cols: number): Promise<string> {
    const answer = await this.request(request => {
      return { type: 'open', request, host, command, options: {}, rows, cols };
    });
    if (answer.type !== 'opened') {
      throw new RequestError('The kernel gave an answer of another kind.');
    }
    return answer.session;
  }

  send(frame: ToKernel): void {
    if (this.stateValue === 'connected') {
      this.transport?.sendControl(frame);
    }
  }

  sendData(frame: DataFrame): void {
    if (this.stateValue === 'connected') {
      this.transport?.sendData(frame);
      // What is typed is acknowledged at once. A network that swallows everything tells nobody, so somebody must ask.
      this.cancelDoubt ??= this.clock.after(DOUBT, () => {
        this.cancelDoubt = null;
        this.hurry();
      });
    }
  }

  /** Answer a question once; it is forgotten here at once. */
  answer(question: string, answer: Answer): void {
    const asked = this.questions.get(question);
    this.questions.delete(question);
    this.send({ type: 'answer', question, answer });
    if (asked) {
      this.questionsSignal.emit(asked.session);
    }
  }

  /** Let a viewer have a stream; it hears `connected` at once where there is a connection. */
  addStream(listener: StreamListener): number {
    this.counter += 1;
    const stream = this.counter;
    this.streams.set(stream, listener);
    return stream;
  }

  removeStream(stream: number): void {
    if (this.streams.delete(stream)) {
      this.send({ type: 'detach', stream });
    }
  }

  private async request(make: (request: number) => ToKernel): Promise<FromKernel> {
    await this.ready();
    this.counter += 1;
    const request = this.counter;
    return new Promise((resolve, reject) => {
      const cancel = this.clock.after(REQUEST_TIMEOUT, () => {
        this.pending.delete(request);
        reject(new RequestError('The kernel did not answer.'));
      });
      this.pending.set(request, { resolve, reject, cancel });
      this.send(make(request));
    });
  }

  private begin(): void {
    this.drop();
    const factory = this.usesFallback ? this.options.fallback() : this.options.webSocket;
    if (factory === null) {
      this.usesFallback = false;
      this.setState('absent', 'This kernel has no SSH terminals.');
      return;
    }
    let opened = false;
    let openedAt = 0;
    // What a transport says after it was replaced is not heard.
    const current = (): boolean => this.transport === transport;
    const transport = factory({
      opened: () => {
        if (current()) {
          opened = true;
          openedAt = this.clock.now();
          this.expectGreeting(GREETING_TIMEOUT);
          transport.sendControl({ type: 'hello', version: VERSION, client: this.options.client });
        }
      },
      control: frame => {
        if (current()) {
          this.heard();
          this.onControl(frame);
        }
      },
      data: frame => {
        if (current()) {
          this.heard();
          this.streams.get(frame.stream)?.data(frame.offset, frame.bytes);
        }
      },
      passed: () => {
        if (current()) {
          this.heard();
          // The greeting may be behind it.
          if (opened && this.cancelGreeting !== null && this.clock.now() - openedAt < FINDING_TIMEOUT) {
            this.expectGreeting(GREETING_TIMEOUT);
          }
        }
      },
      closed: (code, reason) => {
        if (current()) {
          void this.closed(code, reason, opened);
        }
      }
    });
    this.transport = transport;
    this.setState('connecting', '');
    this.expectGreeting(this.usesFallback ? FINDING_TIMEOUT : GREETING_TIMEOUT);
  }

  private expectGreeting(patience: number): void {
    this.cancelGreeting?.();
    this.cancelGreeting = this.clock.after(patience, () => {
      this.cancelGreeting = null;
      // A kernel that has answered before may only have much to do, as while a cell prints megabytes.
      this.ungreeted += 1;
      if (this.usesFallback && (this.start === null || this.ungreeted >= GREETINGS)) {
        this.lost(CLOSE.noService, 'This kernel has no SSH terminals.');
      } else {
        this.lost(CLOSE.silent, 'no greeting');
      }
    });
  }

  private heard(): void {
    this.cancelDoubt?.();
    this.cancelDoubt = null;
    this.cancelProbe?.();
    this.cancelProbe = null;
  }

  private drop(): void {
    this.heard();
    this.cancelGreeting?.();
    this.cancelGreeting = null;
    const transport = this.transport;
    this.transport = null;
    transport?.close();
    for (const pending of this.pending.values()) {
      pending.cancel();
      pending.reject(new RequestError('The connection was lost.'));
    }
    this.pending.clear();
  }

  private async closed(code: number, reason: string, opened: boolean): Promise<void> {
    const transport = this.transport;
    if (!opened && !this.usesFallback && code < 4000) {
      const status = await this.options.probe();
      if (this.transport !== transport) {
        return;
      }
      code = status === 404 ? CLOSE.noService : status === 401 || status === 403 ? CLOSE.notAllowed : code;
    }
    this.lost(code, reason);
  }

  private lost(code: number, reason: string): void {
    this.drop();
    if (code === CLOSE.noService && this.usesFallback && this.stateValue === 'connected') {
      code = CLOSE.silent; // the kernel took this page for gone, as after a sleep: it begins anew
    }
    if (code === CLOSE.noService && !this.usesFallback && this.options.fallback() !== null) {
      this.usesFallback = true;
      this.begin();
      return;
    }
    this.usesFallback &&= code !== CLOSE.noService;
    this.badFrames += code === CLOSE.badFrame ? 1 : 0;
    const final: Partial<Record<number, [PlaceState, string]>> = {
      [CLOSE.noService]: ['absent', 'This kernel has no SSH terminals.'],
      [CLOSE.ended]: ['ended', 'The kernel has ended.'],
      [CLOSE.notAllowed]: ['denied', 'The Jupyter server does not allow it. Log in again, then reload the page.'],
      [CLOSE.version]: ['version', 'The SSH extension was updated. Reload the page.']
    };
    const end = final[code];
    if (end !== undefined) {
      this.setState(...end);
    } else if (this.badFrames >= FRAME_ERRORS) {
      this.setState('denied', `The kernel and this page do not understand each other (${reason}). Reload the page.`);
    } else {
      this.setState('waiting', 'The connection to the Jupyter server was lost.');
      this.backoff.failed();
    }
    if (end?.[0] === 'ended') {
      this.forget();
    }
  }

  /** All sessions are gone with the service that held them. */
  private forget(): void {
    const sessions = [...this.sessions.keys()];
    this.start = null;
    this.sessions.clear();
    this.questions.clear();
    for (const listener of this.streams.values()) {
      listener.replaced();
    }
    for (const session of sessions) {
      this.sessionsSignal.emit(session);
    }
  }

  private setState(state: PlaceState, reason: string): void {
    const was = this.stateValue;
    this.stateValue = state;
    this.reasonValue = reason;
    if (was === 'connected' && state !== 'connected') {
      for (const listener of this.streams.values()) {
        listener.disconnected();
      }
    }
    if (was !== state) {
      this.stateSignal.emit(state);
    }
  }

  private onControl(frame: FromKernel): void {
    if (frame.type === 'welcome') {
      this.onWelcome(frame);
      return;
    }
    if (this.stateValue !== 'connected') {
      if (frame.type === 'error' && frame.code === 'version') {
        this.lost(CLOSE.version, frame.text);
      }
      return;
    }
    switch (frame.type) {
      case 'hosts':
      case 'opened':
        this.answered(frame.request)?.resolve(frame);
        break;
      case 'session':
        this.sessions.set(frame.description.session, frame.description);
        this.sessionsSignal.emit(frame.description.session);
        break;
      case 'gone':
        this.sessions.delete(frame.session);
        this.goneSignal.emit(frame.session);
        this.sessionsSignal.emit(frame.session);
        break;
      case 'question':
        this.questions.set(frame.question, frame);
        this.questionsSignal.emit(frame.session);
        break;
      case 'answered': {
        const asked = this.questions.get(frame.question);
        this.questions.delete(frame.question);
        if (asked) {
          this.questionsSignal.emit(asked.session);
        }
        break;
      }
      case 'error':
        this.onError(frame);
        break;
      case 'attached':
        this.sessions.set(frame.session, frame.description);
        this.streams.get(frame.stream)?.onAttached(frame);
        this.sessionsSignal.emit(frame.session);
        break;
      case 'resized':
        for (const listener of this.streams.values()) {
          if (listener.session === frame.session) {
            listener.control(frame);
          }
        }
        break;
      default:
        this.streams.get(frame.stream)?.control(frame);
    }
  }

  private onWelcome(frame: FromKernel & { type: 'welcome' }): void {
    this.cancelGreeting?.();
    this.cancelGreeting = null;
    this.ungreeted = 0;
    if (frame.version !== VERSION) {
      this.lost(CLOSE.version, '');
      return;
    }
    if (this.start !== null && this.start !== frame.start) {
      this.forget();
    }
    this.start = frame.start;
    this.isThroughChannels = frame.through === 'channels';
    this.sessions.clear();
    this.questions.clear(); // asked again of every viewer that attaches
    for (const description of frame.sessions) {
      this.sessions.set(description.session, description);
    }
    this.backoff.succeeded();
    this.setState('connected', '');
    for (const listener of [...this.streams.values()]) {
      listener.connected();
    }
    for (const session of this.sessions.keys()) {
      this.sessionsSignal.emit(session);
      this.questionsSignal.emit(session);
    }
  }

  private onError(frame: ErrorFrame): void {
    if (frame.request !== undefined) {
      this.answered(frame.request)?.reject(new RequestError(frame.text, frame.next_step ?? ''));
    } else if (frame.stream !== undefined) {
      this.streams.get(frame.stream)?.control(frame);
    } else if (frame.session !== undefined) {
      for (const listener of this.streams.values()) {
        if (listener.session === frame.session) {
          listener.control(frame);
        }
      }
    }
  }

  private answered(request: number): Pending | undefined {
    const pending = this.pending.get(request);
    this.pending.delete(request);
    pending?.cancel();
    return pending;
  }
}
