/**
 * A service: what the two ends of a connection do for each other under one name. The transport knows none of them.
 * Each brings the verbs of its control frames, the streams it opens, and what it announces in the greeting.
 */

import type { Check } from '../protocol/checks';
import type { ErrorFrame } from '../protocol/frames';

/** Members of a control frame beside its type. */
export type Members = object;

/** What comes from the other end: what it must look like, and what is done with it. */
export interface Incoming<M> {
  needs: Check;
  /** Nothing where it only answers requests: it goes to who asked. */
  take?: (members: M) => void;
}

/** For each verb that the other end sends what is done with it. A frame that lacks what it needs ends the connection. */
export type Verbs<Received extends object> = { readonly [V in keyof Received]: Incoming<Received[V]> };

/** The page's end of a service, for one place. */
export interface ServiceEnd {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each end knows its own frames
  readonly verbs: Verbs<any>;
  /** What the other end has announced, with each greeting. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as above
  readonly announced: Incoming<any>;
  /** There is a connection, and the other end has this service. */
  connected?(): void;
  /** The connection is lost; another one may follow. */
  disconnected?(): void;
  /** What was behind the other end is gone for good, with all that this service had there. */
  replaced?(): void;
  /** The other end could not do something that no request of ours waits for. */
  failed?(error: ErrorFrame): void;
}

export interface Service<End extends ServiceEnd = ServiceEnd> {
  /** Before the dot in the type of its frames. */
  readonly name: string;
  /** The verbs that may be sent in frames of up to 8 MiB. */
  readonly large?: readonly string[];
  /** Make the page's end for one place. */
  open(link: ServiceLink): End;
}

/** Bytes to and from the other end, beside control frames. It keeps its number over connections. */
export interface Stream {
  readonly number: number;
  send(offset: number, bytes: Uint8Array): void;
  close(): void;
}

/** What an end has of its place. `Sent` says, for each verb that it sends, which members the frame has. */
export interface ServiceLink<Sent extends object = Record<string, Members>> {
  /** The place's id. */
  readonly place: string;
  /** Send a frame; without a connection, or where the other end lacks the service, it is dropped. */
  send<V extends string & keyof Sent>(verb: V, members: Sent[V]): void;
  /**
   * Send a frame with a number of its own, `request`, and wait for a frame of the verb `answer` that has the same.
   * Rejects with RequestError.
   */
  request<V extends string & keyof Sent>(verb: V, members: Omit<Sent[V], 'request'>, answer: string): Promise<Members>;
  openStream(take: (offset: number, bytes: Uint8Array) => void): Stream;
  /** Wait for the connection. Rejects with RequestError where it cannot be had, or not soon. */
  ready(): Promise<void>;
  /** Keep the connection from being closed as unused, until the function is called that is returned. */
  use(): () => void;
  /** Call back after so many milliseconds; returns what cancels it. */
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
