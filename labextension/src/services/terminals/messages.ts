/** The frames of the service `terminals` as types (docs/terminal-protocol.md). */

import { fields, flag, listOf, number, oneOf, orNull, text, type Check } from '../../protocol/checks';

export type SessionState = 'connecting' | 'open' | 'ended' | 'lost';

export interface Description {
  session: string;
  host: string;
  name: string;
  command: string | null;
  title: string;
  state: SessionState;
  text: string;
  report?: string | null;
  exit_status: number | null;
  exit_signal: string | null;
  created: number;
  rows: number;
  cols: number;
  viewers: number;
  wanted: boolean;
  reconnect: boolean;
}

export interface Snapshot {
  offset: number;
  rows: number;
  cols: number;
  text: string;
}

export interface HostEntry {
  name: string;
  source: 'connected' | 'ssh_config' | 'known_hosts';
}

/** [offset, rows, cols]: the session has this size from this output offset on. */
export type SizeChange = [number, number, number];

export interface Attached {
  stream: number;
  session: string;
  description: Description;
  from: number;
  snapshot: Snapshot | null;
  sizes: SizeChange[];
  live: number;
  cut: boolean;
  input: number;
  lead: boolean;
}

export interface Resized {
  session: string;
  offset: number;
  rows: number;
  cols: number;
}

export interface Announced {
  sessions: Description[];
}

/** What the kernel sends: the members of each verb's frames. */
export interface Received {
  hosts: { request: number; hosts: HostEntry[] };
  opened: { request: number; session: string };
  session: { description: Description };
  gone: { session: string };
  attached: Attached;
  resized: Resized;
  input: { stream: number; offset: number };
  skipped: { stream: number; from: number; to: number };
  lead: { stream: number; lead: boolean };
}

/** What the page sends. */
export interface Sent {
  hosts: { request: number };
  open: {
    request: number;
    host: string;
    command: string | null;
    options: Record<string, string>;
    rows: number;
    cols: number;
  };
  end: { session: string };
  reconnect: { session: string };
  shown: { session: string };
  attach: {
    stream: number;
    session: string;
    viewer: string;
    rows: number;
    cols: number;
    visible: boolean;
    have: number | null;
    typed: number;
  };
  detach: { stream: number };
  skip: { stream: number; offset: number };
  size: { stream: number; rows: number; cols: number; visible: boolean; focus?: boolean };
  ack: { stream: number; offset: number };
  title: { stream: number; title: string };
  snapshot: { stream: number } & Snapshot;
}

/** The frames from the page that are about a viewer's stream. */
export type OfStream = { [V in keyof Sent as Sent[V] extends { stream: number } ? V : never]: Sent[V] };

/** The verbs whose frames may be large. */
export const LARGE: readonly (keyof Sent)[] = ['snapshot'];

export const LIMITS = {
  title: 200,
  host: 255,
  command: 32 * 1024,
  /** How many bytes of input may be unacknowledged. */
  input: 1024 * 1024,
  rows: [2, 1000] as const,
  cols: [2, 1000] as const
};

/** Return the nearest size that the protocol allows. */
export function allowedSize(rows: number, cols: number): { rows: number; cols: number } {
  const within = (value: number, [low, high]: readonly [number, number]): number =>
    Math.min(high, Math.max(low, Math.floor(value) || low));
  return { rows: within(rows, LIMITS.rows), cols: within(cols, LIMITS.cols) };
}

const description = fields({
  session: text,
  host: text,
  name: text,
  title: text,
  state: oneOf('connecting', 'open', 'ended', 'lost'),
  text,
  wanted: flag,
  reconnect: flag
});
const size: Check = value => Array.isArray(value) && value.length === 3 && value.every(number);

export const announced = fields({ sessions: listOf(description) });

/** The members that the page needs in a frame of each verb. */
export const NEEDED: Record<keyof Received, Check> = {
  hosts: fields({ request: number, hosts: listOf(fields({ name: text, source: text })) }),
  opened: fields({ request: number, session: text }),
  session: fields({ description }),
  gone: fields({ session: text }),
  attached: fields({
    stream: number,
    session: text,
    description,
    from: number,
    live: number,
    input: number,
    sizes: listOf(size),
    snapshot: orNull(fields({ offset: number, rows: number, cols: number, text }))
  }),
  resized: fields({ session: text, offset: number, rows: number, cols: number }),
  input: fields({ stream: number, offset: number }),
  skipped: fields({ stream: number, from: number, to: number }),
  lead: fields({ stream: number, lead: flag })
};
