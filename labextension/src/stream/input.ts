/** Input that the remote has not confirmed: it is sent again after a loss, but never twice on one connection. */

import { LIMITS as FRAME_LIMITS } from '../protocol/frames';
import { LIMITS } from '../services/terminals/messages';

/** A paste may be large; beyond this nothing more is accepted. */
const LARGEST = 16 * 1024 * 1024;

export class InputBuffer {
  private pieces: Uint8Array[] = [];
  private base = 0;
  private end = 0;
  private sentTo = 0;

  /** The offset of the oldest unconfirmed byte. */
  get unconfirmed(): number {
    return this.base;
  }

  /** Whether all input has reached the remote. */
  get isEmpty(): boolean {
    return this.base === this.end;
  }

  get hasUnsent(): boolean {
    return this.sentTo < this.end;
  }

  /** Add what was typed; return false if too much is already waiting. */
  push(bytes: Uint8Array): boolean {
    if (this.end - this.base + bytes.length > LARGEST) {
      return false;
    }
    if (bytes.length > 0) {
      this.pieces.push(bytes);
      this.end += bytes.length;
    }
    return true;
  }

  /** Note that all input before `offset` has reached the remote. */
  confirm(offset: number): void {
    const target = Math.min(offset, this.end);
    while (this.base < target) {
      const piece = this.pieces[0] as Uint8Array;
      const done = Math.min(piece.length, target - this.base);
      if (done === piece.length) {
        this.pieces.shift();
      } else {
        this.pieces[0] = piece.subarray(done);
      }
      this.base += done;
    }
    this.sentTo = Math.max(this.sentTo, this.base);
  }

  /** Send again from the oldest unconfirmed byte. */
  rewind(): void {
    this.sentTo = this.base;
  }

  /** Discard what was not confirmed: there is nobody to read it any more. */
  clear(): void {
    this.pieces = [];
    this.base = this.end;
    this.sentTo = this.end;
  }

  /** Return the next piece to send, as far as the limit of unconfirmed bytes allows; null if there is none. */
  next(): { offset: number; bytes: Uint8Array } | null {
    const room = Math.min(FRAME_LIMITS.data, this.base + LIMITS.input - this.sentTo, this.end - this.sentTo);
    if (room <= 0) {
      return null;
    }
    const offset = this.sentTo;
    const bytes = new Uint8Array(room);
    let filled = 0;
    let before = this.base;
    for (const piece of this.pieces) {
      const from = Math.max(0, offset + filled - before);
      if (from < piece.length) {
        const part = piece.subarray(from, from + room - filled);
        bytes.set(part, filled);
        filled += part.length;
      }
      before += piece.length;
      if (filled === room) {
        break;
      }
    }
    this.sentTo += room;
    return { offset, bytes };
  }
}
