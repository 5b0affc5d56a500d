/**
 * A service: what the two ends of a connection do for each other under one name. The transport knows none of them. Each
 * defines the verbs of its control frames, the streams it opens, and what it announces in the greeting.
 */

import type { Check } from '../protocol/checks';
import type { ErrorFrame } from '../protocol/frames';

/** The members of a control frame besides its type. */
export type Members = object;

/** A frame from the other end: its required form, and its handler. */
export interface Incoming<M> {
  needs: Check;
  /** Missing for a verb that only answers requests: the frame then goes to the one that asked. */
  take?: (members: M) => void;
}

/** The handlers of the verbs that the other end sends. A frame without the required members ends the connection. */
export type Verbs<Received extends object> = { readonly [V in keyof Received]: Incoming<Received[V]> };

/** The page's end of a service, for one place. */
export interface ServiceEnd {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each end knows its own frames
  readonly verbs: Verbs<any>;
  /** Takes what the other end announces in each greeting. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  readonly announced: Incoming<any>;
  /** There is a connection, and the other end has this service. */
  connected?(): void;
  /** The connection is lost; another one may follow. */
  disconnected?(): void;
  /** The process at the other end is gone for good, with everything that this service had there. */
  replaced?(): void;
  /** The other end could not do something for which no request of ours is waiting. */
  failed?(error: ErrorFrame): void;
}

export interface Service<End extends ServiceEnd = ServiceEnd> {
  /** The part of its frames' types before the dot. */
  readonly name: string;
  /** The verbs that may be sent in frames of up to 8 MiB. */
  readonly large?: readonly string[];
  /** Create the page's end for one place. */
  open(link: ServiceLink): End;
}

/** Bytes to and from the other end, besides control frames. It keeps its number across connections. */
export interface Stream {
  readonly number: number;
  send(offset: number, bytes: Uint8Array): void;
  close(): void;
}

/** An end's access to its place. `Sent` gives the members of the frames of each verb that it sends. */
export interface ServiceLink<Sent extends object = Record<string, Members>> {
  /** The place's id. */
  readonly place: string;
  /** Send a frame; it is dropped if there is no connection or the other end lacks the service. */
  send<V extends string & keyof Sent>(verb: V, members: Sent[V]): void;
  /**
   * Send a frame with a unique number, `request`, and wait for a frame of the verb `answer` with the same number.
   * Rejects with RequestError.
   */
  request<V extends string & keyof Sent>(verb: V, members: Omit<Sent[V], 'request'>, answer: string): Promise<Members>;
  openStream(take: (offset: number, bytes: Uint8Array) => void): Stream;
  /** Wait for the connection. Rejects with RequestError if it cannot be opened, or not soon enough. */
  ready(): Promise<void>;
  /** Keep the connection from being closed as unused until the returned function is called. */
  use(): () => void;
  /** Call back after this many milliseconds; returns a function that cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
}

/** A request that the other end refused, or that got no answer. */
export class RequestError extends Error {
  constructor(
    message: string,
    readonly nextStep = ''
  ) {
    super(message);
  }
}
