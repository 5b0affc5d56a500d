/** The page's end of the service `terminals`: the sessions of a place, and this page's viewers of them. */

import { Signal, type ISignal } from '@lumino/signaling';
import type { Incoming, Service, ServiceEnd, ServiceLink, Stream, Verbs } from '../../connection/service';
import type { ErrorFrame } from '../../protocol/frames';
import {
  announced,
  LARGE,
  NEEDED,
  type Announced,
  type Attached,
  type Description,
  type HostEntry,
  type OfStream,
  type Received,
  type Resized,
  type Sent
} from './messages';

/** How long it may take until a session named by a cell's output is announced, in milliseconds. */
const HEARING = 20_000;

/** What a viewer is told about its session. */
export interface ViewerListener {
  readonly session: string;
  connected(): void;
  disconnected(): void;
  /** The session is gone, with all others of its place. */
  replaced(): void;
  onAttached(members: Attached): void;
  onOutput(offset: number, bytes: Uint8Array): void;
  onResized(members: Resized): void;
  onInput(members: Received['input']): void;
  onSkipped(members: Received['skipped']): void;
  onLead(members: Received['lead']): void;
  failed(code: string, text: string): void;
}

/** The part that a viewer uses. */
export interface ViewerLink {
  /** The known sessions with their sizes. */
  readonly sessions: ReadonlyMap<string, { rows: number; cols: number }>;
  /** Open a stream for a viewer, whose `connected` is called with the next connection. */
  openStream(listener: ViewerListener): Stream;
  /** Send a frame that is about a stream. */
  sendOf<V extends keyof OfStream>(stream: Stream, verb: V, members: Omit<OfStream[V], 'stream'>): void;
}

export class PlaceTerminals implements ServiceEnd, ViewerLink {
  readonly sessions = new Map<string, Description>();
  readonly announced: Incoming<Announced> = { needs: announced, take: members => this.onAnnounced(members) };
  readonly verbs: Verbs<Received> = {
    hosts: { needs: NEEDED.hosts },
    opened: { needs: NEEDED.opened },
    session: { needs: NEEDED.session, take: ({ description }) => this.onSession(description) },
    gone: { needs: NEEDED.gone, take: ({ session }) => this.onGone(session) },
    attached: { needs: NEEDED.attached, take: members => this.onAttached(members) },
    resized: { needs: NEEDED.resized, take: members => this.viewersOf(members.session, v => v.onResized(members)) },
    input: { needs: NEEDED.input, take: members => this.viewers.get(members.stream)?.onInput(members) },
    skipped: { needs: NEEDED.skipped, take: members => this.viewers.get(members.stream)?.onSkipped(members) },
    lead: { needs: NEEDED.lead, take: members => this.viewers.get(members.stream)?.onLead(members) }
  };
  private readonly viewers = new Map<number, ViewerListener>();
  private readonly changedSignal = new Signal<this, string>(this);
  private readonly goneSignal = new Signal<this, string>(this);

  constructor(private readonly link: ServiceLink<Sent>) {}

  /** Emitted with the id of a session that has changed, begun or gone. */
  get sessionsChanged(): ISignal<this, string> {
    return this.changedSignal;
  }

  get sessionGone(): ISignal<this, string> {
    return this.goneSignal;
  }

  /**
   * Return what is known about a session, which may be announced later than it is named in a cell's output; undefined
   * if it remains unknown. Rejects with RequestError if there is no connection.
   */
  async session(id: string): Promise<Description | undefined> {
    await this.link.ready();
    return this.sessions.get(id) ?? (await this.sessionHeardOf(id));
  }

  /** Return the hosts to offer. Rejects with RequestError. */
  async hosts(): Promise<HostEntry[]> {
    const answer = (await this.link.request('hosts', {}, 'hosts')) as Received['hosts'];
    return answer.hosts;
  }

  /** Start a session and return its id. Rejects with RequestError. */
  async open(host: string, command: string | null, rows: number, cols: number): Promise<string> {
    const members = { host, command, options: {}, rows, cols };
    const answer = (await this.link.request('open', members, 'opened')) as Received['opened'];
    return answer.session;
  }

  send<V extends keyof Sent>(verb: V, members: Sent[V]): void {
    this.link.send(verb, members);
  }

  sendOf<V extends keyof OfStream>(stream: Stream, verb: V, members: Omit<OfStream[V], 'stream'>): void {
    this.link.send(verb, { ...members, stream: stream.number } as Sent[V]);
  }

  openStream(listener: ViewerListener): Stream {
    const stream = this.link.openStream((offset, bytes) => listener.onOutput(offset, bytes));
    this.viewers.set(stream.number, listener);
    return {
      ...stream,
      close: () => {
        if (this.viewers.delete(stream.number)) {
          stream.close();
          this.send('detach', { stream: stream.number });
        }
      }
    };
  }

  connected(): void {
    for (const viewer of [...this.viewers.values()]) {
      viewer.connected();
    }
    for (const session of this.sessions.keys()) {
      this.changedSignal.emit(session);
    }
  }

  disconnected(): void {
    for (const viewer of this.viewers.values()) {
      viewer.disconnected();
    }
  }

  replaced(): void {
    const sessions = [...this.sessions.keys()];
    this.sessions.clear();
    for (const viewer of this.viewers.values()) {
      viewer.replaced();
    }
    for (const session of sessions) {
      this.changedSignal.emit(session);
    }
  }

  failed({ stream, session, code, text }: ErrorFrame): void {
    if (stream !== undefined) {
      this.viewers.get(stream)?.failed(code, text);
    } else if (session !== undefined) {
      this.viewersOf(session, viewer => viewer.failed(code, text));
    }
  }

  private onAnnounced({ sessions }: Announced): void {
    this.sessions.clear();
    for (const description of sessions) {
      this.sessions.set(description.session, description);
    }
  }

  private onSession(description: Description): void {
    this.sessions.set(description.session, description);
    this.changedSignal.emit(description.session);
  }

  private onGone(session: string): void {
    this.sessions.delete(session);
    this.goneSignal.emit(session);
    this.changedSignal.emit(session);
  }

  private onAttached(members: Attached): void {
    this.sessions.set(members.session, members.description);
    this.viewers.get(members.stream)?.onAttached(members);
    this.changedSignal.emit(members.session);
  }

  private viewersOf(session: string, tell: (viewer: ViewerListener) => void): void {
    [...this.viewers.values()].filter(viewer => viewer.session === session).forEach(tell);
  }

  private sessionHeardOf(id: string): Promise<Description | undefined> {
    return new Promise(resolve => {
      const release = this.link.use();
      const done = (): void => {
        cancel();
        release();
        this.changedSignal.disconnect(check);
        resolve(this.sessions.get(id));
      };
      const check = (_: this, changed: string): void => {
        if (changed === id) {
          done();
        }
      };
      const cancel = this.link.after(HEARING, done);
      this.changedSignal.connect(check);
    });
  }
}

export const terminals: Service<PlaceTerminals> = {
  name: 'terminals',
  large: LARGE,
  open: link => new PlaceTerminals(link)
};
