/** What was typed and the remote has not confirmed: sent again after a loss, never twice in one stretch. */

import { LIMITS as FRAME_LIMITS } from '../protocol/frames';
import { LIMITS } from '../services/terminals/messages';

/** A paste may be large; beyond this nothing more is taken. */
const LARGEST = 16 * 1024 * 1024;

export class InputBuffer {
  private pieces: Uint8Array[] = [];
  private base = 0;
  private end = 0;
  private sentTo = 0;

  /** Offset of the oldest byte that was not confirmed. */
  get unconfirmed(): number {
    return this.base;
  }

  get hasUnsent(): boolean {
    return this.sentTo < this.end;
  }

  /** Take what was typed; false where too much waits already. */
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

  /** All input before `offset` has reached the remote. */
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

  /** Begin again with what was not confirmed. */
  rewind(): void {
    this.sentTo = this.base;
  }

  /** Throw away what was not confirmed: there is nobody to read it any more. */
  clear(): void {
    this.pieces = [];
    this.base = this.end;
    this.sentTo = this.end;
  }

  /** The next piece to send, within what may be unconfirmed; null where there is none. */
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
