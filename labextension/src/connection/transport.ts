/** What carries frames between the page and a place, and how it tells that it ended. */

import type { DataFrame } from '../protocol/frames';
import type { FromKernel, ToKernel } from '../protocol/messages';

/** Close codes of the WebSocket (docs/terminal-protocol.md, "Transports"). */
export const CLOSE = {
  badFrame: 4400,
  notAllowed: 4401,
  noService: 4404,
  silent: 4408,
  version: 4409,
  ended: 4410,
  tooMany: 4429
} as const;

/** What the tooltip says where a kernel's own channels carry the frames. */
export const THROUGH_CHANNELS =
  'through the kernel’s own channels: its machine is not the Jupyter server’s, so keys take longer';

export interface TransportListener {
  opened(): void;
  control(frame: FromKernel): void;
  data(frame: DataFrame): void;
  /** Something else has come the same way: the connection works, and what is due may be behind it. */
  passed(): void;
  /** Said once; `code` is a WebSocket close code. */
  closed(code: number, reason: string): void;
}

export interface Transport {
  /** One line for the tooltip of the tab. */
  readonly description: string;
  sendControl(frame: ToKernel | { type: 'ping' }): void;
  sendData(frame: DataFrame): void;
  /** No `closed` follows. */
  close(): void;
}

/** Makes a transport; it begins to connect at once, and tells nothing before this has returned. */
export type TransportFactory = (listener: TransportListener) => Transport;
