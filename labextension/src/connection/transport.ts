/** What carries frames between the page and a place, and how it tells that it ended. */

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

/** The way that frames take: over the Jupyter server's WebSocket, or through the channels of the kernel. */
export type Way = 'socket' | 'channels';

export interface TransportListener {
  opened(): void;
  control(frame: ControlFrame): void;
  data(frame: DataFrame): void;
  /** Something else has come the same way: the connection works, and what is due may be behind it. */
  passed(): void;
  /** Said once; `code` is a WebSocket close code. */
  closed(code: number, reason: string): void;
}

export interface Transport {
  readonly way: Way;
  /** Throws FrameError where the frame is longer than `limit` bytes. */
  sendControl(frame: ControlFrame, limit: number): void;
  sendData(frame: DataFrame): void;
  /** No `closed` follows. */
  close(): void;
}

/** Makes a transport; it begins to connect at once, and tells nothing before this has returned. */
export type TransportFactory = (listener: TransportListener) => Transport;
