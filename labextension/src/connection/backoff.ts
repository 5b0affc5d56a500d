/** When to retry: soon at first, then less and less often, and at once when the network or the person comes back. */

const FIRST = 250;
const LONGEST = 15_000;
const SOONEST = 200;

export interface Clock {
  now(): number;
  /** Call back after this many milliseconds; returns a function that cancels it. */
  after(milliseconds: number, callback: () => void): () => void;
}

export const realClock: Clock = {
  now: () => performance.now(),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  }
};

export class Backoff {
  private failures = 0;
  private cancel: (() => void) | null = null;
  private lastTry = -Infinity;

  constructor(
    private readonly attempt: () => void,
    private readonly clock: Clock = realClock,
    private readonly random: () => number = Math.random
  ) {}

  get isWaiting(): boolean {
    return this.cancel !== null;
  }

  /** The connection works: the next loss counts as the first. */
  succeeded(): void {
    this.failures = 0;
    this.stop();
  }

  /**
   * Wait, then try. The wait doubles each time, with a random part of a fifth so that many pages do not retry together.
   */
  failed(): void {
    const delay = Math.min(LONGEST, FIRST * 2 ** this.failures) * (0.8 + 0.4 * this.random());
    this.failures += 1;
    this.schedule(delay);
  }

  /** The network is back, or the person is looking: try at once if a try is pending. */
  hurry(): void {
    if (this.isWaiting) {
      this.schedule(Math.max(0, this.lastTry + SOONEST - this.clock.now()));
    }
  }

  stop(): void {
    this.cancel?.();
    this.cancel = null;
  }

  private schedule(delay: number): void {
    this.stop();
    this.cancel = this.clock.after(delay, () => {
      this.cancel = null;
      this.lastTry = this.clock.now();
      this.attempt();
    });
  }
}
