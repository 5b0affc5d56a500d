/** Distributes what arrives on a connection: to the services of a place, their streams, and the pending requests. */

import { checkMembers, LIMITS, type ControlFrame, type DataFrame, type ErrorFrame } from '../protocol/frames';
import type { TranslationBundle } from '../translation';
import type { Clock } from './backoff';
import { RequestError, type Members, type Service, type ServiceEnd, type ServiceLink, type Stream } from './service';

/** How long an answer may take, in milliseconds. */
const PATIENCE = 20_000;
/** How many characters of an unknown type an error repeats. */
const SHOWN = 100;

/** The connection, as its services use it. */
export interface Wire {
  readonly place: string;
  isConnected(): boolean;
  ready(): Promise<void>;
  use(): () => void;
  sendControl(frame: ControlFrame, limit: number): void;
  sendData(frame: DataFrame): void;
}

interface Open {
  readonly service: Service;
  readonly end: ServiceEnd;
  /** Whether the other end has the service too, according to its greeting. */
  isShared: boolean;
}

interface Pending {
  readonly service: Service;
  readonly answer: string;
  resolve: (members: Members) => void;
  reject: (error: Error) => void;
  cancel: () => void;
}

interface Taker {
  readonly service: Service;
  take: (offset: number, bytes: Uint8Array) => void;
}

export class Dispatcher {
  private readonly open = new Map<string, Open>();
  private readonly streams = new Map<number, Taker>();
  private readonly pending = new Map<number, Pending>();
  private counter = 0;

  constructor(
    private readonly wire: Wire,
    private readonly clock: Clock,
    private readonly trans: TranslationBundle
  ) {}

  /** The names of the services that this end has. */
  get names(): string[] {
    return [...this.open.keys()];
  }

  /** Whether anything is waiting for the other end. */
  get isUsed(): boolean {
    return this.streams.size > 0 || this.pending.size > 0;
  }

  add(service: Service): void {
    if (this.open.has(service.name)) {
      throw new Error(`There are two services named ${service.name}.`);
    }
    this.open.set(service.name, { service, end: service.open(this.linkOf(service)), isShared: false });
  }

  end<End extends ServiceEnd>(service: Service<End>): End {
    const found = this.open.get(service.name);
    if (found?.service !== service) {
      throw new Error(`There is no service ${service.name} on this page.`);
    }
    return found.end as End;
  }

  /** Take the announcements in the other end's greeting. Throws FrameError. */
  greeted(announcements: Record<string, unknown>): void {
    for (const [name, each] of this.open) {
      each.isShared = Object.hasOwn(announcements, name);
      if (each.isShared) {
        const { needs, take } = each.end.announced;
        checkMembers(needs, announcements[name], `what ${name} announces`);
        take?.(announcements[name]);
      }
    }
  }

  connected(): void {
    this.shared().forEach(({ end }) => end.connected?.());
  }

  disconnected(): void {
    for (const each of this.shared()) {
      each.isShared = false;
      each.end.disconnected?.();
    }
  }

  replaced(): void {
    for (const { end } of this.open.values()) {
      end.replaced?.();
    }
  }

  /** Reject all requests: no answer will arrive any more. */
  dropRequests(): void {
    for (const pending of this.pending.values()) {
      pending.cancel();
      pending.reject(new RequestError(this.trans.__('The connection was lost.')));
    }
    this.pending.clear();
  }

  data(frame: DataFrame): void {
    this.streams.get(frame.stream)?.take(frame.offset, frame.bytes);
  }

  /** Handle a control frame of a service. Throws FrameError. */
  control(frame: ControlFrame): void {
    const [name, verb] = split(frame.type);
    const end = this.open.get(name)?.end;
    const incoming = end !== undefined && Object.hasOwn(end.verbs, verb) ? end.verbs[verb] : undefined;
    if (incoming === undefined) {
      this.refuse(frame.type, verb !== '' && end === undefined ? 'unknown-service' : 'unknown-type');
      return;
    }
    checkMembers(incoming.needs, frame, `a frame of type ${frame.type}`);
    if (incoming.take !== undefined) {
      incoming.take(frame);
      return;
    }
    const pending = this.answered(frame['request'] as number);
    if (pending?.service.name === name && pending.answer === verb) {
      pending.resolve(frame);
    } else {
      pending?.reject(new RequestError(this.trans.__('The kernel sent an unexpected answer.')));
    }
  }

  /** Pass an error to the request that caused it, or else to the service that it concerns. */
  failed(error: ErrorFrame): void {
    if (error.request !== undefined) {
      this.answered(error.request)?.reject(new RequestError(error.text, error.next_step ?? ''));
      return;
    }
    const name = error.service ?? this.streams.get(error.stream ?? 0)?.service.name ?? '';
    this.open.get(name)?.end.failed?.(error);
  }

  /** Tell the other end, which may be newer, that this page does not know such a frame; it is otherwise ignored. */
  private refuse(type: string, code: string): void {
    this.wire.sendControl({ type: 'error', code, text: `${code}: ${type.slice(0, SHOWN)}` }, LIMITS.control);
  }

  private shared(): Open[] {
    return [...this.open.values()].filter(({ isShared }) => isShared);
  }

  private linkOf(service: Service): ServiceLink {
    const { wire } = this;
    return {
      place: wire.place,
      send: (verb, members) => this.send(service, verb, members),
      request: (verb, members, answer) => this.request(service, verb, members, answer),
      openStream: take => this.openStream(service, take),
      ready: () => wire.ready(),
      use: () => wire.use(),
      after: (milliseconds, callback) => this.clock.after(milliseconds, callback)
    };
  }

  private send(service: Service, verb: string, members: Members): void {
    if (this.wire.isConnected() && this.open.get(service.name)?.isShared) {
      const limit = service.large?.includes(verb) ? LIMITS.largeControl : LIMITS.control;
      this.wire.sendControl({ ...members, type: `${service.name}.${verb}` }, limit);
    }
  }

  private async request(service: Service, verb: string, members: Members, answer: string): Promise<Members> {
    await this.wire.ready();
    if (!this.open.get(service.name)?.isShared) {
      throw new RequestError(this.trans.__('The kernel’s jupyter_ssh does not support this.'));
    }
    this.counter += 1;
    const request = this.counter;
    return new Promise((resolve, reject) => {
      const cancel = this.clock.after(PATIENCE, () => {
        this.pending.delete(request);
        reject(new RequestError(this.trans.__('The kernel did not answer.')));
      });
      this.pending.set(request, { service, answer, resolve, reject, cancel });
      this.send(service, verb, { ...members, request });
    });
  }

  private answered(request: number): Pending | undefined {
    const pending = this.pending.get(request);
    this.pending.delete(request);
    pending?.cancel();
    return pending;
  }

  private openStream(service: Service, take: Taker['take']): Stream {
    this.counter += 1;
    const stream = this.counter;
    this.streams.set(stream, { service, take });
    return {
      number: stream,
      send: (offset, bytes) => {
        if (this.wire.isConnected()) {
          this.wire.sendData({ stream, offset, bytes });
        }
      },
      close: () => void this.streams.delete(stream)
    };
  }
}

/** Return the service and the verb; the verb is empty in a frame of the transport itself. */
function split(type: string): [string, string] {
  const dot = type.indexOf('.');
  return dot < 0 ? [type, ''] : [type.slice(0, dot), type.slice(dot + 1)];
}
