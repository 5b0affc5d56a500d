/**
 * When a viewer submits a snapshot of its terminal: once output has paused, and now and then while it continues.
 * Writing down ten thousand lines of scroll-back takes a tenth of a second, so it is done in slices, between which the
 * page does other work. Meanwhile the terminal receives nothing; anything the person does aborts the snapshot, which is
 * taken later.
 */

import type { Clock } from '../connection/backoff';
import type { Flood } from './flood';
import { nextTask } from './next_task';
import type { Screen, Writer } from './writer';

const QUIET = 400;
const MIB = 1024 * 1024;
/** Snapshots may take a twentieth of the time. */
const RARITY = 20;
/** Milliseconds: half of a frame. */
const SLICE = 8;

export interface SnapshotRules {
  /** Whether the kernel would accept one: all output of the session is on the screen, and nothing is being skipped. */
  mayTake(): boolean;
  /** Whether this viewer, of several, should submit them unasked. */
  isDuty(): boolean;
  taken(offset: number, text: string): void;
}

export class Snapshots {
  /** The output offset of the last one that the kernel has; -1 if it has none of use. */
  private last = -1;
  private due = 0;
  private cancelQuiet: (() => void) | null = null;
  /** The snapshot being taken; `yields` if new output is more urgent. */
  private job: { yields: boolean } | null = null;

  constructor(
    private readonly screen: Screen,
    private readonly writer: Writer,
    private readonly flood: Flood,
    private readonly rules: SnapshotRules,
    private readonly clock: Clock
  ) {}

  /** The kernel has one of this offset, or none of use: -1. */
  known(offset: number): void {
    this.stop();
    this.last = offset;
  }

  /** Output is on the screen. */
  parsed(): void {
    const { parsed, received } = this.writer;
    if (!this.rules.isDuty()) {
      return;
    }
    // In a flood of plain lines the kernel's ring holds more of them than the scroll-back: no time for snapshots then.
    const isDue = parsed - Math.max(0, this.last) >= MIB && this.clock.now() >= this.due && !this.flood.isNear;
    if (isDue && this.job === null) {
      this.begin(false);
    }
    if (parsed === received) {
      this.takeWhenQuiet(QUIET);
    }
  }

  /** Output has arrived that should be shown soon. */
  came(): void {
    if (this.job?.yields) {
      this.putOff();
    }
  }

  /** The person is waiting for the terminal's reaction. */
  touched(): void {
    if (this.job !== null) {
      this.putOff();
    }
  }

  /** Take one as soon as the page has time for it. */
  takeSoon(): void {
    if (this.job === null) {
      this.begin(true);
    }
  }

  /** Take one before this returns, because the page is about to be closed. */
  takeNow(): void {
    this.stop();
    if (!this.mayTake()) {
      return;
    }
    const steps = this.screen.snapshot();
    let step = steps.next();
    while (!step.done) {
      step = steps.next();
    }
    this.hand(step.value);
  }

  /** Take none until output has arrived again. */
  stop(): void {
    this.cancelQuiet?.();
    this.cancelQuiet = null;
    if (this.job !== null) {
      this.job = null;
      this.writer.goOn();
    }
  }

  private mayTake(): boolean {
    const { parsed, isSettled } = this.writer;
    return parsed !== this.last && isSettled && this.screen.whole && this.rules.mayTake();
  }

  private takeWhenQuiet(milliseconds: number): void {
    this.cancelQuiet?.();
    this.cancelQuiet = this.clock.after(milliseconds, () => {
      this.cancelQuiet = null;
      const wait = this.due - this.clock.now();
      if (wait > 0) {
        this.takeWhenQuiet(wait);
      } else {
        this.takeSoon();
      }
    });
  }

  private putOff(): void {
    this.stop();
    this.takeWhenQuiet(QUIET);
  }

  private begin(yields: boolean): void {
    const job = (this.job = { yields });
    this.writer.rest(() => {
      if (this.job === job) {
        this.work(job);
      }
    });
  }

  private work(job: object): void {
    if (!this.mayTake()) {
      this.stop();
      return;
    }
    const steps = this.screen.snapshot();
    let cost = 0;
    const slice = (): void => {
      if (this.job !== job) {
        return;
      }
      const begun = this.clock.now();
      let step = steps.next();
      while (!step.done && this.clock.now() - begun < SLICE) {
        step = steps.next();
      }
      cost += this.clock.now() - begun;
      if (!step.done) {
        nextTask(slice);
        return;
      }
      this.due = this.clock.now() + RARITY * cost;
      if (step.value === null) {
        this.putOff();
        return;
      }
      this.hand(step.value);
      this.stop();
    };
    slice();
  }

  private hand(text: string | null): void {
    if (text !== null) {
      this.last = this.writer.parsed;
      this.rules.taken(this.last, text);
    }
  }
}
