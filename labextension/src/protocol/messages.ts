/** The control frames of docs/terminal-protocol.md as types. */

export const VERSION = 1;

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

/** [offset, rows, cols]: from this output offset on the session has this size. */
export type SizeChange = [number, number, number];

export interface Attached {
  type: 'attached';
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

export interface HostKeyQuestion {
  kind: 'host-key';
  host: string;
  key_type: string;
  sha256: string;
  md5: string;
  randomart: string;
  kept_in: string | null;
  notes: string[];
}

export interface SecretQuestion {
  kind: 'secret';
  prompt: string;
  /** The same was asked before: the answer was not taken. */
  again?: boolean;
}

export interface PromptsQuestion {
  kind: 'prompts';
  name: string;
  instruction: string;
  prompts: { prompt: string; echo: boolean }[];
  again?: boolean;
}

export interface NoticeQuestion {
  kind: 'notice';
  text: string;
  remote?: boolean;
}

export type Question = { type: 'question'; question: string; session: string } & (
  HostKeyQuestion | SecretQuestion | PromptsQuestion | NoticeQuestion
);

export type Answer = string | string[] | null;

export interface ErrorFrame {
  type: 'error';
  request?: number;
  stream?: number;
  session?: string;
  code: string;
  text: string;
  next_step?: string;
}

export type FromKernel =
  | {
      type: 'welcome';
      version: number;
      place: string;
      pid: number;
      start: string;
      sessions: Description[];
      through?: string;
    }
  | { type: 'hosts'; request: number; hosts: HostEntry[] }
  | { type: 'opened'; request: number; session: string }
  | { type: 'session'; description: Description }
  | { type: 'gone'; session: string }
  | ErrorFrame
  | Attached
  | { type: 'resized'; session: string; offset: number; rows: number; cols: number }
  | { type: 'input'; stream: number; offset: number }
  | { type: 'skipped'; stream: number; from: number; to: number }
  | { type: 'lead'; stream: number; lead: boolean }
  | Question
  | { type: 'answered'; question: string };

export type ToKernel =
  | { type: 'hello'; version: number; client: string }
  | { type: 'hosts'; request: number }
  | {
      type: 'open';
      request: number;
      host: string;
      command: string | null;
      options: Record<string, string>;
      rows: number;
      cols: number;
    }
  | { type: 'end' | 'reconnect' | 'shown'; session: string }
  | {
      type: 'attach';
      stream: number;
      session: string;
      viewer: string;
      rows: number;
      cols: number;
      visible: boolean;
      have: number | null;
      typed: number;
    }
  | { type: 'detach'; stream: number }
  | { type: 'skip'; stream: number; offset: number }
  | { type: 'size'; stream: number; rows: number; cols: number; visible: boolean; focus?: boolean }
  | { type: 'ack'; stream: number; offset: number }
  | { type: 'title'; stream: number; title: string }
  | ({ type: 'snapshot'; stream: number } & Snapshot)
  | { type: 'answer'; question: string; answer: Answer }
  | { type: 'error'; code: string; text: string };

export const LIMITS = {
  title: 200,
  host: 255,
  command: 32 * 1024,
  control: 64 * 1024,
  largeControl: 8 * 1024 * 1024,
  data: 65536,
  /** Bytes of input that may be unacknowledged. */
  input: 1024 * 1024,
  rows: [2, 1000] as const,
  cols: [2, 1000] as const
};

/** A size that the wire allows. */
export function allowedSize(rows: number, cols: number): { rows: number; cols: number } {
  const within = (value: number, [low, high]: readonly [number, number]): number =>
    Math.min(high, Math.max(low, Math.floor(value) || low));
  return { rows: within(rows, LIMITS.rows), cols: within(cols, LIMITS.cols) };
}
