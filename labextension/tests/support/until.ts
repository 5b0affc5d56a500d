/** Waiting for what happens by itself, however busy the machine is. */

import { vi } from 'vitest';

/** Try until it no longer throws; gives what it returns. */
export function until<T>(attempt: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(attempt, { timeout: 50_000, interval: 10 });
}
