/**
 * This page's only connection to a place: the greeting, checks whether it still works, and reconnecting after a loss.
 */

import { Signal, type ISignal } from '@lumino/signaling';
import {
  checkOwn,
  FrameError,
  LIMITS,
  VERSION,
  type ControlFrame,
  type DataFrame,
  type ErrorFrame,
  type Welcome
} from '../protocol/frames';
import type { TranslationBundle } from '../translation';
import { Backoff, realClock, type Clock } from './backoff';
import { Dispatcher } from './dispatcher';
import { RequestError, type Service, type ServiceEnd } from './service';
import { CLOSE, type Transport, type TransportFactory, type Way } from './transport';

/**
 * `waiting`: lost, and being retried. These end the retrying: `ended` (the kernel has), `absent` (jupyter_ssh is not
 * loaded there), `denied`, `version` (the page has another version of the extension).
 */
export type PlaceState = 'idle' | 'connecting' | 'connected' | 'waiting' | 'ended' | 'absent' | 'denied' | 'version';

/** The extension's own process, where terminals live that belong to no notebook. */
export const HOST_PLACE = 'host';

const FINAL: readonly PlaceState[] = ['ended', 'absent', 'denied', 'version'];

/** How the page reaches a kernel. */
export interface PlaceOptions {
  id: string;
  /** The page's name for itself in its greeting. */
  client: string;
  webSocket: TransportFactory;
  /** Returns null if there is no other way to reach the kernel. */
  fallback: () => TransportFactory | null;
  /** Finds out why a WebSocket could not be opened: 404 if the server has no bridge, 403, or 0 for "no answer". */
  probe: () => Promise<number>;
  trans: TranslationBundle;
  clock?: Clock;
}

const READY_TIMEOUT = 20_000;
const GREETING_TIMEOUT = 12_000;
/** While a page is being restored, a notebook's connection to its kernel may take long, and so may its greeting. */
const FINDING_TIMEOUT = 60_000;
const PROBE_TIMEOUT = 5_000;
const DOUBT = 15_000;
const FRAME_ERRORS = 3;
/** How many greetings a kernel that has answered before may leave unanswered. */
const GREETINGS = 3;

export class Place {
  readonly id: string;

  private transport: Transport | null = null;
  private usesFallback = false;
  /** Whether the Jupyter server uses the kernel's own channels to reach it. */
  private isThroughChannels = false;
  private readonly trans: TranslationBundle;
  private readonly backoff: Backoff;
  private readonly clock: Clock;
  private readonly dispatcher: Dispatcher;
  private uses = 0;
  private start: string | null = null;
  private cancelGreeting: (() => void) | null = null;
  private cancelProbe: (() => void) | null = null;
  private cancelDoubt: (() => void) | null = null;
  private badFrames = 0;
  private ungreeted = 0;
  private stateValue: PlaceState = 'idle';
  private reasonValue = '';
  private readonly stateSignal = new Signal<this, PlaceState>(this);

  constructor(private readonly options: PlaceOptions) {
    this.id = options.id;
    this.trans = options.trans;
    this.clock = options.clock ?? realClock;
    this.backoff = new Backoff(() => this.begin(), this.clock);
    const wire = {
      place: this.id,
      isConnected: () => this.stateValue === 'connected',
      ready: () => this.ready(),
      use: () => this.use(),
      sendControl: (frame: ControlFrame, limit: number) => this.sendControl(frame, limit),
      sendData: (frame: DataFrame) => this.sendData(frame)
    };
    this.dispatcher = new Dispatcher(wire, this.clock, this.trans);
  }

  get state(): PlaceState {
    return this.stateValue;
  }

  /** Why it is in this state, as text for people. */
  get reason(): string {
    return this.reasonValue;
  }

  get stateChanged(): ISignal<this, PlaceState> {
    return this.stateSignal;
  }

  /** How frames travel; null while there is no connection. */
  get way(): Way | null {
    return this.isThroughChannels ? 'channels' : (this.transport?.way ?? null);
  }

  /** Whether anything uses this connection. */
  get isUsed(): boolean {
    return this.uses > 0 || this.dispatcher.isUsed;
  }

  /** Add a service. An existing connection is opened anew, because the greeting names the services. */
  add(service: Service): void {
    this.dispatcher.add(service);
    if (this.stateValue === 'connected' || this.stateValue === 'connecting') {
      this.begin();
    }
  }

  /** The page's end of a service here. Throws if the page has no such service. */
  service<End extends ServiceEnd>(service: Service<End>): End {
    return this.dispatcher.end(service);
  }

  /** Connect if it is not connected, also after a state that ended the retrying. */
  connect(): void {
    if (this.stateValue === 'connecting' || this.stateValue === 'connected') {
      return;
    }
    this.backoff.stop();
    this.badFrames = 0;
    this.begin();
  }

  /** Keep the connection until the returned function is called; for a view that has no stream yet. */
  use(): () => void {
    this.uses += 1;
    let isOver = false;
    return () => {
      this.uses -= isOver ? 0 : 1;
      isOver = true;
    };
  }

  /** Close the connection, and do not retry. */
  close(): void {
    this.backoff.stop();
    this.drop();
    this.setState('idle', '');
  }

  /** The network is back, or the person is looking: try at once, or check whether the kernel is still there. */
  hurry(): void {
    this.backoff.hurry();
    if (this.stateValue === 'connected' && this.cancelProbe === null) {
      this.sendControl({ type: 'ping' });
      this.cancelProbe = this.clock.after(PROBE_TIMEOUT, () => {
        this.cancelProbe = null;
        this.lost(CLOSE.silent);
      });
    }
  }

  /** Wait for the connection. Rejects with RequestError if it cannot be opened or takes longer than `patience` (ms). */
  ready(patience = READY_TIMEOUT): Promise<void> {
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
        } else if (FINAL.includes(this.stateValue)) {
          done(new RequestError(this.reasonValue));
        }
      };
      const cancel = this.clock.after(patience, () =>
        done(new RequestError(this.trans.__('The server did not answer.')))
      );
      this.stateSignal.connect(check);
    });
  }

  private sendControl(frame: ControlFrame, limit = LIMITS.control): void {
    this.transport?.sendControl(frame, limit);
  }

  private sendData(frame: DataFrame): void {
    this.transport?.sendData(frame);
    // Whatever is sent is acknowledged at once. A network that drops everything gives no notice, so check.
    this.cancelDoubt ??= this.clock.after(DOUBT, () => {
      this.cancelDoubt = null;
      this.hurry();
    });
  }

  private begin(): void {
    this.drop();
    const factory = this.usesFallback ? this.options.fallback() : this.options.webSocket;
    if (factory === null) {
      this.usesFallback = false;
      this.setState('absent', this.absence());
      return;
    }
    let opened = false;
    let openedAt = 0;
    // Ignore what a transport says after it was replaced.
    const current = (): boolean => this.transport === transport;
    const transport = factory({
      opened: () => {
        if (current()) {
          opened = true;
          openedAt = this.clock.now();
          this.expectGreeting(GREETING_TIMEOUT);
          const { names } = this.dispatcher;
          this.sendControl({ type: 'hello', version: VERSION, client: this.options.client, services: names });
        }
      },
      control: frame => {
        if (current()) {
          this.heard();
          this.guard(() => this.onControl(frame));
        }
      },
      data: frame => {
        if (current()) {
          this.heard();
          this.dispatcher.data(frame);
        }
      },
      passed: () => {
        if (current()) {
          this.heard();
          // The greeting may be queued behind it.
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
      // A kernel that has answered before may just be busy, for instance while a cell prints megabytes.
      this.ungreeted += 1;
      const isNobodyThere = this.usesFallback && (this.start === null || this.ungreeted >= GREETINGS);
      this.lost(isNobodyThere ? CLOSE.noService : CLOSE.silent);
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
    this.dispatcher.dropRequests();
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

  private lost(code: number, reason = ''): void {
    this.drop();
    if (code === CLOSE.noService && this.usesFallback && this.stateValue === 'connected') {
      code = CLOSE.silent; // the kernel considered this page gone, for instance after a sleep: start anew
    }
    if (code === CLOSE.noService && !this.usesFallback && this.options.fallback() !== null) {
      this.usesFallback = true;
      this.begin();
      return;
    }
    this.usesFallback &&= code !== CLOSE.noService;
    this.badFrames += code === CLOSE.badFrame ? 1 : 0;
    const { trans } = this;
    const end = this.ending(code);
    if (end !== null) {
      this.setState(...end);
    } else if (this.badFrames >= FRAME_ERRORS) {
      this.setState(
        'denied',
        trans.__('The kernel and this page do not understand each other (%1). Reload the page.', reason)
      );
    } else {
      this.setState('waiting', trans.__('The connection to the Jupyter server was lost.'));
      this.backoff.failed();
    }
    if (end?.[0] === 'ended') {
      this.forget();
    }
  }

  /** The state after which there are no retries, with its reason; null if there are. */
  private ending(code: number): [PlaceState, string] | null {
    const { trans } = this;
    switch (code) {
      case CLOSE.noService:
        return ['absent', this.absence()];
      case CLOSE.ended:
        return ['ended', trans.__('The kernel has ended.')];
      case CLOSE.notAllowed:
        return ['denied', trans.__('The Jupyter server does not allow this. Log in again, then reload the page.')];
      case CLOSE.version:
        return ['version', trans.__('The SSH extension was updated. Reload the page.')];
      default:
        return null;
    }
  }

  private absence(): string {
    return this.trans.__('This kernel has no SSH terminals.');
  }

  /** Forget everything: whatever the services had is gone with the process behind the place. */
  private forget(): void {
    this.start = null;
    this.dispatcher.replaced();
  }

  private setState(state: PlaceState, reason: string): void {
    const was = this.stateValue;
    this.stateValue = state;
    this.reasonValue = reason;
    if (was === 'connected' && state !== 'connected') {
      this.dispatcher.disconnected();
    }
    if (was !== state) {
      this.stateSignal.emit(state);
    }
  }

  /** Handle a frame; end the connection if it breaks the rules. */
  private guard(handle: () => void): void {
    try {
      handle();
    } catch (error) {
      if (!(error instanceof FrameError)) {
        throw error;
      }
      this.lost(CLOSE.badFrame, error.message);
    }
  }

  private onControl(frame: ControlFrame): void {
    if (frame.type === 'welcome' && frame['version'] !== VERSION) {
      this.lost(CLOSE.version);
      return;
    }
    checkOwn(frame);
    if (frame.type === 'welcome') {
      this.onWelcome(frame as unknown as Welcome);
    } else if (this.stateValue !== 'connected') {
      if (frame.type === 'error' && frame['code'] === 'version') {
        this.lost(CLOSE.version);
      }
    } else if (frame.type === 'error') {
      this.dispatcher.failed(frame as unknown as ErrorFrame);
    } else if (frame.type !== 'pong') {
      this.dispatcher.control(frame);
    }
  }

  private onWelcome(frame: Welcome): void {
    this.cancelGreeting?.();
    this.cancelGreeting = null;
    this.ungreeted = 0;
    if (this.start !== null && this.start !== frame.start) {
      this.forget();
    }
    this.start = frame.start;
    this.isThroughChannels = frame.through === 'channels';
    this.dispatcher.greeted(frame.services);
    this.backoff.succeeded();
    this.setState('connected', '');
    this.dispatcher.connected();
  }
}
