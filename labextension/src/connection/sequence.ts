/**
 * Messages that arrive once and in order over a channel that loses some: they are numbered, acknowledged and sent again
 * (docs/page-protocol.md, "Fallback"). Both ends work in the same way.
 */

import { realClock, type Clock } from './backoff';

export interface Message {
  connection: string;
  seq: number;
  ack: number;
  frames: unknown[];
  /** The close code in the sender's last message, as for the WebSocket. */
  close?: number;
  reason?: string;
}

/** Sends a message with its buffers; it may be lost. */
export type Post = (message: Message, buffers: ArrayBuffer[]) => void;

export interface SequenceEvents {
  /** A message, in its turn. */
  arrived(frames: unknown[], buffers: ArrayBufferView[]): void;
  /** The other end has closed the connection. */
  ended(code: number, reason: string): void;
  /** Nothing has arrived for too long. */
  silent(): void;
  /** More messages are unacknowledged than allowed. */
  overflowed(): void;
}

const RESEND = 1_000;
/** An end that acknowledges nothing is busy, or this page is: sending again more often makes neither faster. */
const RESEND_LONGEST = 8_000;
const ACK_DELAY = 20;
const KEEPALIVE = 3_000;
const SILENT = 15_000;
/** The same while other messages arrive the same way, such as the output of a cell: ours have to wait behind them. */
const SILENT_BEHIND_OTHERS = 60_000;
const UNACKNOWLEDGED = 4 * 1024 * 1024;
/** How many messages to keep that arrived before a missing one. */
const AHEAD = 256;

interface Waiting {
  frames: unknown[];
  buffers: ArrayBuffer[];
  size: number;
}

export class Sequence {
  private sent = 0;
  private received = 0;
  private readonly unacknowledged = new Map<number, Waiting>();
  private size = 0;
  private resendDelay = RESEND;
  private readonly ahead = new Map<number, { frames: unknown[]; buffers: ArrayBufferView[] }>();
  private lastHeard: number;
  private lastOther = -Infinity;
  private cancelResend: (() => void) | null = null;
  private cancelAck: (() => void) | null = null;
  private cancelAlive: (() => void) | null = null;
  private closed = false;

  constructor(
    private readonly connection: string,
    private readonly post: Post,
    private readonly events: SequenceEvents,
    private readonly clock: Clock = realClock
  ) {
    this.lastHeard = clock.now();
    this.stayAlive();
  }

  send(frames: unknown[], buffers: ArrayBuffer[]): void {
    if (this.closed) {
      return;
    }
    const size = buffers.reduce((sum, buffer) => sum + buffer.byteLength, 256);
    if (this.size + size > UNACKNOWLEDGED * 2) {
      this.events.overflowed();
      return;
    }
    this.sent += 1;
    this.size += size;
    this.unacknowledged.set(this.sent, { frames, buffers, size });
    this.transmit(this.sent);
    this.scheduleResend();
  }

  receive(message: Message, buffers: ArrayBufferView[]): void {
    if (this.closed || message.connection !== this.connection) {
      return;
    }
    this.lastHeard = this.clock.now();
    const before = this.unacknowledged.size;
    for (const [seq, waiting] of this.unacknowledged) {
      if (seq > message.ack) {
        break;
      }
      this.unacknowledged.delete(seq);
      this.size -= waiting.size;
    }
    if (this.unacknowledged.size < before) {
      this.cancelResend?.();
      this.cancelResend = null;
      this.resendDelay = RESEND;
      if (this.unacknowledged.size > 0) {
        this.scheduleResend();
      }
    }
    if (message.seq > this.received && message.seq <= this.received + AHEAD) {
      this.ahead.set(message.seq, { frames: message.frames, buffers });
    }
    for (;;) {
      const next = this.ahead.get(this.received + 1);
      if (next === undefined) {
        break;
      }
      this.ahead.delete(this.received + 1);
      this.received += 1;
      this.events.arrived(next.frames, next.buffers);
    }
    if (typeof message.close === 'number') {
      this.events.ended(message.close, message.reason ?? '');
      return;
    }
    if (message.seq > 0) {
      this.cancelAck ??= this.clock.after(ACK_DELAY, () => this.acknowledge());
    }
  }

  /** Note that a message of others arrived the same way as those of the other end. */
  passed(): void {
    this.lastOther = this.clock.now();
  }

  /** Tell the other end, once, that this one closes: if a kernel does not receive it, it notices the silence. */
  leave(): void {
    if (!this.closed) {
      this.post({ connection: this.connection, seq: 0, ack: this.received, frames: [], close: 1000 }, []);
      this.close();
    }
  }

  close(): void {
    this.closed = true;
    this.cancelResend?.();
    this.cancelAck?.();
    this.cancelAlive?.();
    this.unacknowledged.clear();
    this.ahead.clear();
  }

  private transmit(seq: number): void {
    const waiting = this.unacknowledged.get(seq);
    if (waiting !== undefined) {
      this.cancelAck?.();
      this.cancelAck = null;
      const { frames, buffers } = waiting;
      this.post({ connection: this.connection, seq, ack: this.received, frames }, buffers);
    }
  }

  /** Send an acknowledgement alone, in a message with seq 0, which is not part of the order. */
  private acknowledge(): void {
    this.cancelAck = null;
    this.post({ connection: this.connection, seq: 0, ack: this.received, frames: [] }, []);
  }

  private scheduleResend(): void {
    this.cancelResend ??= this.clock.after(this.resendDelay, () => {
      this.cancelResend = null;
      this.resendDelay = Math.min(RESEND_LONGEST, 2 * this.resendDelay);
      for (const seq of this.unacknowledged.keys()) {
        this.transmit(seq);
      }
      if (this.unacknowledged.size > 0) {
        this.scheduleResend();
      }
    });
  }

  private stayAlive(): void {
    this.cancelAlive = this.clock.after(KEEPALIVE, () => {
      const now = this.clock.now();
      const patience = now - this.lastOther > SILENT ? SILENT : SILENT_BEHIND_OTHERS;
      if (now - this.lastHeard > patience) {
        this.events.silent();
        return;
      }
      // Numbered, so that it is answered: a kernel with nothing to say would otherwise seem gone.
      if (this.unacknowledged.size === 0) {
        this.send([], []);
      } else {
        this.acknowledge();
      }
      this.stayAlive();
    });
  }
}
