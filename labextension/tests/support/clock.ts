/** Time that passes when told to. */

import type { Clock } from '../../src/connection/backoff';

export class ManualClock implements Clock {
  time = 0;
  due: [number, () => void][] = [];
  now(): number {
    return this.time;
  }
  after(milliseconds: number, callback: () => void): () => void {
    const entry: [number, () => void] = [this.time + milliseconds, callback];
    this.due.push(entry);
    return () => {
      this.due = this.due.filter(other => other !== entry);
    };
  }
  advance(milliseconds: number): void {
    const end = this.time + milliseconds;
    for (;;) {
      const next = this.due.filter(([at]) => at <= end).sort((a, b) => a[0] - b[0])[0];
      if (next === undefined) {
        break;
      }
      this.due = this.due.filter(other => other !== next);
      this.time = Math.max(this.time, next[0]);
      next[1]();
    }
    this.time = end;
  }
}
