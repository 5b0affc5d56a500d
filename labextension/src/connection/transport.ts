/** The interface of what carries frames between the page and a place, and reports its end. */

import type { ControlFrame, DataFrame } from '../protocol/frames';

/** Close codes of the WebSocket (docs/page-protocol.md, "WebSocket"). */
export const CLOSE = {
  badFrame: 4400,
  notAllowed: 4401,
  noService: 4404,
  silent: 4408,
  version: 4409,
  ended: 4410,
  tooMany: 4429
} as const;

/** How frames travel: over the Jupyter server's WebSocket, or through the kernel's channels. */
export type Way = 'socket' | 'channels';

export interface TransportListener {
  opened(): void;
  control(frame: ControlFrame): void;
  data(frame: DataFrame): void;
  /** Something else arrived the same way: the connection works, and what is overdue may be queued behind it. */
  passed(): void;
  /** Called once; `code` is a WebSocket close code. */
  closed(code: number, reason: string): void;
}

export interface Transport {
  readonly way: Way;
  /** Throws FrameError if the frame is longer than `limit` bytes. */
  sendControl(frame: ControlFrame, limit: number): void;
  sendData(frame: DataFrame): void;
  /** Close it; `closed` is not called. */
  close(): void;
}

/** Creates a transport, which begins to connect at once and calls the listener only after this has returned. */
export type TransportFactory = (listener: TransportListener) => Transport;
