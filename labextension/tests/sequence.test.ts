/** Trying again, and messages over a channel that loses some. */

import { describe, expect, it } from 'vitest';
import { Backoff } from '../src/connection/backoff';
import { Sequence, type Message } from '../src/connection/sequence';
import { ManualClock } from './support/clock';

it('waits between tries as long as it says', () => {
  const clock = new ManualClock();
  let tries = 0;
  const backoff = new Backoff(
    () => {
      tries += 1;
      backoff.failed();
    },
    clock,
    () => 0.5
  );
  backoff.failed();
  clock.advance(250 + 500 + 1000);
  expect(tries).toBe(3);
  backoff.succeeded();
  clock.advance(100_000);
  expect(tries).toBe(3);
});

describe('a sequence over a channel that loses, doubles and swaps messages', () => {
  it('delivers all of them, each once, in order', () => {
    const clock = new ManualClock();
    const arrived: Record<'a' | 'b', unknown[]> = { a: [], b: [] };
    let seed = 5;
    const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
    const ends: Partial<Record<'a' | 'b', Sequence>> = {};
    const travel = (to: 'a' | 'b') => (message: Message) => {
      const copy = structuredClone(message);
      for (let times = Math.floor(random() * 3); times > 0; times--) {
        clock.after(random() * 300, () => ends[to]?.receive(copy, []));
      }
    };
    const events = (name: 'a' | 'b') => ({
      arrived: (frames: unknown[]) => arrived[name].push(...frames),
      ended: () => undefined,
      silent: () => undefined,
      overflowed: () => undefined
    });
    ends.a = new Sequence('c', travel('b'), events('a'), clock);
    ends.b = new Sequence('c', travel('a'), events('b'), clock);
    for (let number = 0; number < 100; number++) {
      ends.a.send([number], []);
      ends.b.send([-number], []);
      clock.advance(10);
    }
    clock.advance(60_000);
    expect(arrived.b).toEqual(Array.from({ length: 100 }, (_, number) => number));
    expect(arrived.a).toEqual(Array.from({ length: 100 }, (_, number) => -number));
  });

  it('hears the last word of the other end', () => {
    const heard: unknown[] = [];
    const events = {
      arrived: () => undefined,
      ended: (code: number, reason: string) => heard.push([code, reason]),
      silent: () => undefined,
      overflowed: () => undefined
    };
    const sequence = new Sequence('c', () => undefined, events, new ManualClock());
    sequence.receive({ connection: 'other', seq: 0, ack: 0, frames: [], close: 1 }, []);
    sequence.receive({ connection: 'c', seq: 0, ack: 0, frames: [], close: 4404, reason: 'why' }, []);
    expect(heard).toEqual([[4404, 'why']]);
  });

  it('sends again ever more rarely while nothing is acknowledged', () => {
    const clock = new ManualClock();
    const sent: number[] = [];
    const nothing = (): void => undefined;
    const events = { arrived: nothing, ended: nothing, silent: nothing, overflowed: nothing };
    const sequence = new Sequence('c', ({ frames }) => frames.length > 0 && sent.push(clock.now()), events, clock);
    sequence.send([1], []);
    clock.advance(14_000);
    expect(sent).toEqual([0, 1_000, 3_000, 7_000]);
    sequence.receive({ connection: 'c', seq: 0, ack: 1, frames: [] }, []);
    clock.advance(2_000);
    sequence.receive({ connection: 'c', seq: 0, ack: 2, frames: [] }, []); // of what asked whether anybody is there
    sequence.send([2], []);
    clock.advance(2_500);
    expect(sent.slice(4)).toEqual([16_000, 17_000]);
  });

  it('waits longer while other messages pass, but not for ever', () => {
    const clock = new ManualClock();
    const heard: number[] = [];
    const nothing = (): void => undefined;
    const events = { arrived: nothing, ended: nothing, silent: () => heard.push(clock.now()), overflowed: nothing };
    const sequence = new Sequence('c', nothing, events, clock);
    for (let second = 0; second < 100; second++) {
      sequence.passed();
      clock.advance(1_000);
    }
    expect(heard).toEqual([63_000]);
  });

  it('is answered while neither end has anything to say', () => {
    const clock = new ManualClock();
    const heard: string[] = [];
    const nothing = (): void => undefined;
    const events = { arrived: nothing, ended: nothing, silent: () => heard.push('silent'), overflowed: nothing };
    const answer = ({ seq }: Message): void => {
      if (seq > 0) {
        sequence.receive({ connection: 'c', seq: 0, ack: seq, frames: [] }, []);
      }
    };
    const sequence: Sequence = new Sequence('c', message => void clock.after(50, () => answer(message)), events, clock);
    clock.advance(300_000);
    expect(heard).toEqual([]);
  });

  it('notices that nobody is there', () => {
    const clock = new ManualClock();
    const heard: string[] = [];
    new Sequence(
      'c',
      () => undefined,
      {
        arrived: () => undefined,
        ended: () => undefined,
        silent: () => heard.push('silent'),
        overflowed: () => heard.push('overflowed')
      },
      clock
    ).send([], [new ArrayBuffer(9 * 1024 * 1024)]);
    clock.advance(30_000);
    expect(heard).toEqual(['overflowed', 'silent']);
  });
});
