/**
 * Output on its way into the terminal, in order with the changes of size between its bytes. The terminal receives
 * little at a time, so that the rest can still be discarded when a flood is interrupted.
 */

import type { SizeChange } from '../services/terminals/messages';
import type { Drawing } from './drawing';
import { nextTask } from './next_task';

export interface Screen {
  /** Parse output; `done` is called when all of it is on the screen. */
  write(data: Uint8Array | string, done: () => void): void;
  reset(): void;
  resize(rows: number, cols: number): void;
  /** Whether a full-screen program is shown. */
  readonly alternate: boolean;
  /** Whether the output so far is complete: it does not end within an escape sequence or a character. */
  readonly whole: boolean;
  readonly rows: number;
  readonly cols: number;
  readonly drawing: Drawing;
  /** Is called when expensive output, which it is still parsing, lets the page do something else. */
  atBreak: (() => void) | null;
  /** Return what to write to an empty terminal to get this one, in small steps; null if it changed in between. */
  snapshot(): Generator<undefined, string | null>;
}

/** How many bytes the terminal may hold unparsed: what it parses in a task of a few milliseconds. */
const IN_FLIGHT = 128 * 1024;
/** xterm.js looks at the clock after each piece, so the most expensive output must not take long for one. */
const PIECE = 8 * 1024;

export class Writer {
  /** The output offsets up to which bytes were received, passed to the terminal, and parsed. */
  received = 0;
  parsed = 0;
  private written = 0;
  private queue: Uint8Array[] = [];
  private sizes: SizeChange[] = [];
  private stops: number[] = [];
  private beginning: (() => void) | null = null;
  private inFlight = 0;
  private texts = 0;
  private generation = 0;
  private isResting = false;
  private onIdle: (() => void) | null = null;

  constructor(
    private readonly screen: Screen,
    private readonly onParsed: () => void
  ) {}

  /** How many bytes are waiting to be drawn. */
  get waiting(): number {
    return this.received - this.parsed;
  }

  /** Whether the screen is the result of all output before `parsed`. */
  get isSettled(): boolean {
    return this.beginning === null && this.texts === 0;
  }

  /** Start over at `offset`, on an empty screen of this size with `text` on it. */
  restart(offset: number, rows: number, cols: number, text: string): void {
    this.sizes = [];
    this.stops = [];
    this.begin(offset, () => {
      this.screen.reset();
      this.screen.resize(rows, cols);
      for (let at = 0; at === 0 || at < text.length; at += PIECE) {
        this.hand(text.slice(at, at + PIECE), 0);
      }
    });
  }

  /** Take changes of size, with the output offsets from which they apply. */
  resizeAt(changes: SizeChange[]): void {
    this.sizes.push(...changes);
    this.sizes.sort((a, b) => a[0] - b[0]);
    this.pump();
  }

  /** Split the output at `offset`, so that `parsed` will have exactly this value. */
  stopAt(offset: number): void {
    this.stops.push(offset);
    this.stops.sort((a, b) => a - b);
  }

  push(bytes: Uint8Array): void {
    this.queue.push(bytes);
    this.received += bytes.length;
    this.pump();
  }

  /** The output offset up to which the terminal was given bytes. */
  get drawnTo(): number {
    return this.written;
  }

  /** Discard what the terminal has not received yet. `jump` says where it continues. */
  drop(): void {
    this.queue = [];
  }

  /** Continue at `offset`, with `note` between what was drawn and what follows. */
  jump(offset: number, note: string): void {
    const before = this.beginning; // a new screen that has not been drawn yet remains due
    this.begin(offset, () => {
      before?.();
      this.hand(note, 0);
    });
  }

  /** Give the terminal nothing until `goOn` or `restart`; `idle` is called once it has parsed what it received. */
  rest(idle: () => void): void {
    this.isResting = true;
    this.onIdle = idle;
    this.pump();
  }

  goOn(): void {
    if (this.isResting) {
      this.isResting = false;
      this.onIdle = null;
      this.pump();
    }
  }

  private begin(offset: number, beginning: () => void): void {
    this.isResting = false;
    this.onIdle = null;
    this.generation += 1; // what is on its way into the terminal no longer counts
    this.queue = [];
    this.received = this.written = this.parsed = offset;
    this.beginning = beginning;
    this.pump();
  }

  private pump(): void {
    if (this.isResting) {
      this.restIfIdle();
      return;
    }
    for (;;) {
      if (this.beginning !== null) {
        if (this.inFlight > 0) {
          return;
        }
        const begin = this.beginning;
        this.beginning = null;
        begin();
      }
      while (this.sizes.length > 0 && (this.sizes[0] as SizeChange)[0] <= this.written) {
        if (this.inFlight > 0) {
          return;
        }
        const [, rows, cols] = this.sizes.shift() as SizeChange;
        if (rows !== this.screen.rows || cols !== this.screen.cols) {
          this.screen.resize(rows, cols);
        }
      }
      while (this.stops.length > 0 && (this.stops[0] as number) <= this.written) {
        this.stops.shift();
      }
      const first = this.queue[0];
      if (first === undefined || this.inFlight >= IN_FLIGHT) {
        return;
      }
      const stop = Math.min(this.sizes[0]?.[0] ?? Infinity, this.stops[0] ?? Infinity);
      const length = Math.min(first.length, PIECE, stop - this.written);
      if (length === first.length) {
        this.queue.shift();
      } else {
        this.queue[0] = first.subarray(length);
      }
      this.written += length;
      this.hand(first.subarray(0, length), length);
    }
  }

  private restIfIdle(): void {
    if (this.inFlight === 0) {
      const idle = this.onIdle;
      this.onIdle = null;
      idle?.();
    }
  }

  private hand(data: Uint8Array | string, length: number): void {
    const generation = this.generation;
    const cost = Math.max(1, data.length);
    const text = length === 0 ? 1 : 0;
    this.inFlight += cost;
    this.texts += text;
    this.screen.write(data, () => {
      this.inFlight -= cost;
      this.texts -= text;
      if (generation === this.generation) {
        this.parsed += length;
        this.onParsed();
      }
      if (this.inFlight === 0) {
        // Not from here: xterm.js would continue for 12 ms, then set a timer and stay idle until the browser lets it
        // run.
        nextTask(() => this.pump());
      }
    });
  }
}
