/**
 * Output that arrives faster than the page can draw it. Meanwhile the terminal is drawn only a few times a second, and
 * at every frame again as soon as it is over or the person does something. Full-screen programs are always drawn.
 */

import type { Clock } from '../connection/backoff';
import type { Drawing } from './drawing';

/** More bytes than this waiting to be parsed are a flood. */
export const FLOOD = 64 * 1024;
/** Milliseconds from one drawing to the next. */
const RARELY = 250;
/** A flood is over when everything was parsed this long ago and nothing more has arrived. */
const CALM = 30;
/** One that returns within this time has only paused. */
const PAUSE = 1_000;
/** For this long after the person did something, everything is drawn. */
const ATTENTION = 500;

export class Flood {
  private running = false;
  private endedAt = -Infinity;
  private isHeld = false;
  private attentionUntil = -Infinity;
  private cancelCalm: (() => void) | null = null;
  private cancelDraw: (() => void) | null = null;

  constructor(
    private readonly drawing: Drawing,
    private readonly clock: Clock
  ) {}

  /** Whether there is a flood, or was a moment ago and may continue: no time for anything that can wait. */
  get isNear(): boolean {
    return this.running || this.clock.now() - this.endedAt < PAUSE;
  }

  /** Take the number of bytes that wait to be parsed. */
  level(waiting: number, isFullScreen: boolean): void {
    if (isFullScreen) {
      this.end();
    } else if (waiting > FLOOD) {
      this.running = true;
      this.cancelCalm?.();
      this.cancelCalm = null;
      this.hold();
    } else if (waiting === 0 && this.running) {
      // Later output does not postpone it: a program that prints little but often is no flood.
      this.cancelCalm ??= this.clock.after(CALM, () => this.end());
    }
  }

  /** The person has typed, scrolled or selected. */
  touched(): void {
    this.attentionUntil = this.clock.now() + ATTENTION;
    this.release();
  }

  /** End the flood. */
  end(): void {
    if (this.running) {
      this.running = false;
      this.endedAt = this.clock.now();
    }
    this.cancelCalm?.();
    this.cancelCalm = null;
    this.release();
  }

  private hold(): void {
    if (!this.isHeld && this.clock.now() >= this.attentionUntil) {
      this.isHeld = true;
      this.drawing.hold();
      this.drawLater();
    }
  }

  private drawLater(): void {
    this.cancelDraw = this.clock.after(RARELY, () => {
      this.drawing.draw();
      this.drawLater();
    });
  }

  private release(): void {
    if (this.isHeld) {
      this.isHeld = false;
      this.cancelDraw?.();
      this.cancelDraw = null;
      this.drawing.release();
    }
  }
}
