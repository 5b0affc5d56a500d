/** The connection to a place, over transports that the test holds in its hands. */

import { beforeEach, describe, expect, it } from 'vitest';
import { Backoff } from '../src/connection/backoff';
import { PlaceConnection, RequestError } from '../src/connection/place';
import { Sequence, type Message } from '../src/connection/sequence';
import { CLOSE, type Transport, type TransportFactory, type TransportListener } from '../src/connection/transport';
import type { Description, FromKernel } from '../src/protocol/messages';
import { ManualClock } from './clock';

interface Made {
  listener: TransportListener;
  sent: { type: string; [member: string]: unknown }[];
  closed: boolean;
}

function factory(made: Made[], description: string): TransportFactory {
  return listener => {
    const entry: Made = { listener, sent: [], closed: false };
    made.push(entry);
    const transport: Transport = {
      description,
      sendControl: frame => {
        entry.sent.push(frame as { type: string });
      },
      sendData: () => undefined,
      close: () => {
        entry.closed = true;
      }
    };
    return transport;
  };
}

const settle = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 0));

describe('a place', () => {
  let sockets: Made[];
  let fallbacks: Made[];
  let clock: ManualClock;
  let place: PlaceConnection;
  let hasFallback: boolean;
  let status: number;
  const last = (list: Made[]): Made => list[list.length - 1] as Made;
  const welcome = (start = 'one'): FromKernel => ({
    type: 'welcome',
    version: 1,
    place: 'k',
    pid: 1,
    start,
    sessions: []
  });
  const greet = (made: Made, start?: string): void => {
    made.listener.opened();
    made.listener.control(welcome(start));
  };

  beforeEach(() => {
    sockets = [];
    fallbacks = [];
    hasFallback = true;
    status = 0;
    clock = new ManualClock();
    place = new PlaceConnection({
      place: 'k',
      client: 'test',
      webSocket: factory(sockets, 'socket'),
      fallback: () => (hasFallback ? factory(fallbacks, 'kernel') : null),
      probe: () => Promise.resolve(status),
      clock
    });
  });

  it('greets and is connected', () => {
    place.connect();
    greet(last(sockets));
    expect(last(sockets).sent).toMatchObject([{ type: 'hello', version: 1 }]);
    expect(place.state).toBe('connected');
    expect(place.description).toBe('socket');
  });

  it('is used by a view before its terminal has a stream', () => {
    place.connect();
    greet(last(sockets));
    expect(place.isUsed).toBe(false);
    const releases = [place.hold(), place.hold()];
    releases[0]?.();
    expect(place.isUsed).toBe(true);
    releases[1]?.();
    expect(place.isUsed).toBe(false);
  });

  it('doubts a silent connection, but none on which other messages come', () => {
    place.connect();
    greet(last(sockets));
    const made = last(sockets);
    place.sendData({ stream: 1, offset: 0, bytes: Uint8Array.of(3) });
    clock.advance(10_000);
    made.listener.passed();
    clock.advance(30_000);
    expect(made.sent).toHaveLength(1);
    place.sendData({ stream: 1, offset: 1, bytes: Uint8Array.of(3) });
    clock.advance(30_000);
    expect(made.sent.slice(1)).toEqual([{ type: 'ping' }]);
    expect(made.closed).toBe(true);
  });

  it('comes back after a loss, ever more slowly, and at once when the person returns', () => {
    place.connect();
    greet(last(sockets));
    last(sockets).listener.closed(1006, '');
    expect(place.state).toBe('waiting');
    clock.advance(400);
    expect(sockets).toHaveLength(2);
    for (let round = 0; round < 8; round++) {
      last(sockets).listener.opened();
      last(sockets).listener.closed(1006, '');
      clock.advance(20_000);
    }
    last(sockets).listener.opened();
    last(sockets).listener.closed(1006, '');
    const before = sockets.length;
    clock.advance(5_000);
    expect(sockets).toHaveLength(before);
    place.hurry();
    clock.advance(1);
    expect(sockets).toHaveLength(before + 1);
  });

  it('takes the other way by itself where the server has no socket of the kernel', () => {
    place.connect();
    last(sockets).listener.closed(CLOSE.noService, '');
    greet(last(fallbacks));
    expect(place.state).toBe('connected');
    expect(place.description).toBe('kernel');
  });

  it('takes the other way too where the server has no bridge at all', async () => {
    status = 404;
    place.connect();
    last(sockets).listener.closed(1006, '');
    await settle();
    expect(fallbacks).toHaveLength(1);
  });

  it('says that there are no terminals where neither way leads anywhere', () => {
    hasFallback = false;
    place.connect();
    last(sockets).listener.closed(CLOSE.noService, '');
    expect(place.state).toBe('absent');
    hasFallback = true;
    place.connect();
    last(sockets).listener.closed(CLOSE.noService, '');
    clock.advance(13_000);
    expect(place.state).toBe('connecting');
    last(fallbacks).listener.opened();
    clock.advance(13_000);
    expect(place.state).toBe('absent');
  });

  it('waits for its greeting while other messages come the same way, but not for ever', () => {
    place.connect();
    last(sockets).listener.closed(CLOSE.noService, '');
    last(fallbacks).listener.opened();
    for (let second = 0; second < 40; second++) {
      last(fallbacks).listener.passed();
      clock.advance(1_000);
    }
    expect(place.state).toBe('connecting');
    last(fallbacks).listener.control(welcome());
    expect(place.state).toBe('connected');
    clock.advance(60_000);
    last(fallbacks).listener.passed();
    expect(place.state).toBe('connected');

    last(fallbacks).listener.closed(CLOSE.ended, '');
    place.connect();
    last(fallbacks).listener.opened();
    for (let second = 0; second < 80; second++) {
      last(fallbacks).listener.passed();
      clock.advance(1_000);
    }
    expect(place.state).toBe('absent');
  });

  it('says where the server takes the channels of the kernel', () => {
    place.connect();
    last(sockets).listener.opened();
    last(sockets).listener.control({ ...welcome(), through: 'channels' } as FromKernel);
    expect(place.description).toContain('own channels');
  });

  it('finds out by itself that what is typed gets no answer', () => {
    place.connect();
    greet(last(sockets));
    place.sendData({ stream: 1, offset: 0, bytes: new Uint8Array(1) });
    clock.advance(14_000);
    last(sockets).listener.control({ type: 'gone', session: 'other' });
    clock.advance(30_000);
    expect(place.state).toBe('connected');
    place.sendData({ stream: 1, offset: 1, bytes: new Uint8Array(1) });
    clock.advance(15_000);
    expect(place.state).toBe('connected');
    expect(last(sockets).sent).toContainEqual({ type: 'ping' });
    clock.advance(5_000);
    expect(place.state).toBe('waiting');
  });

  it('does not give up at once on a kernel that has much to do', () => {
    place.connect();
    last(sockets).listener.closed(CLOSE.noService, '');
    greet(last(fallbacks));
    last(fallbacks).listener.closed(CLOSE.silent, '');
    for (let round = 1; round <= 3; round++) {
      clock.advance(2_000);
      expect(place.state).toBe('connecting');
      last(fallbacks).listener.opened();
      clock.advance(12_000);
      expect(place.state).toBe(round < 3 ? 'waiting' : 'absent');
    }
  });

  it('begins anew where the kernel took the page for gone', () => {
    place.connect();
    last(sockets).listener.closed(CLOSE.noService, '');
    greet(last(fallbacks));
    last(fallbacks).listener.closed(CLOSE.noService, '');
    expect(place.state).toBe('waiting');
    clock.advance(400);
    if (last(sockets) !== sockets[0]) {
      last(sockets).listener.closed(CLOSE.noService, '');
    }
    greet(last(fallbacks));
    expect(fallbacks).toHaveLength(2);
    expect(place.state).toBe('connected');
  });

  it.each([
    [CLOSE.notAllowed, 'denied'],
    [CLOSE.version, 'version'],
    [CLOSE.ended, 'ended'],
    [CLOSE.tooMany, 'waiting'],
    [CLOSE.silent, 'waiting']
  ] as const)('code %i makes it %s', (code, state) => {
    place.connect();
    greet(last(sockets));
    last(sockets).listener.closed(code, '');
    expect(place.state).toBe(state);
  });

  it('gives up on a kernel that it does not understand', () => {
    place.connect();
    for (let round = 0; round < 3; round++) {
      last(sockets).listener.opened();
      last(sockets).listener.closed(CLOSE.badFrame, 'half a frame');
      clock.advance(20_000);
    }
    expect(place.state).toBe('denied');
  });

  it('tells its streams that all is gone where the service was replaced', () => {
    const heard: string[] = [];
    place.addStream({
      session: 's',
      connected: () => heard.push('connected'),
      disconnected: () => heard.push('disconnected'),
      replaced: () => heard.push('replaced'),
      onAttached: () => undefined,
      data: () => undefined,
      control: () => undefined
    });
    place.connect();
    greet(last(sockets));
    last(sockets).listener.closed(1006, '');
    clock.advance(1_000);
    greet(last(sockets), 'two');
    expect(heard).toEqual(['connected', 'disconnected', 'replaced', 'connected']);
  });

  it('finds a silent hole when the person returns', () => {
    place.connect();
    greet(last(sockets));
    place.hurry();
    expect(last(sockets).sent.pop()).toEqual({ type: 'ping' });
    clock.advance(7_000);
    expect(sockets).toHaveLength(2);
    greet(last(sockets));
    place.hurry();
    last(sockets).listener.control({ type: 'error', code: 'unknown-type', text: '' });
    clock.advance(6_000);
    expect(place.state).toBe('connected');
  });

  const described = (session: string): Description => ({
    session,
    host: 'demo',
    name: 'me@demo',
    command: null,
    title: '',
    state: 'open',
    text: '',
    exit_status: null,
    exit_signal: null,
    created: 0,
    rows: 10,
    cols: 20,
    viewers: 0,
    wanted: true,
    reconnect: false
  });

  it('waits for a session that it has not heard of yet, but not for ever', async () => {
    place.connect();
    greet(last(sockets));
    let found: string | undefined = 'nothing yet';
    const wait = (): void => void place.session('late').then(description => (found = description?.session));
    wait();
    await settle();
    expect(place.isUsed).toBe(true);
    clock.advance(60_000);
    await settle();
    expect(found).toBeUndefined();
    expect(place.isUsed).toBe(false);
    wait();
    await settle();
    last(sockets).listener.control({ type: 'session', description: described('other') });
    last(sockets).listener.control({ type: 'session', description: described('late') });
    await settle();
    expect(found).toBe('late');
    expect((await place.session('other'))?.session).toBe('other');
    expect(place.isUsed).toBe(false);
  });

  it('gives the answer to a request, or the reason why there is none', async () => {
    place.connect();
    greet(last(sockets));
    const opened = place.open('demo', null, 24, 80);
    await settle();
    const request = last(sockets).sent.pop()?.['request'] as number;
    last(sockets).listener.control({ type: 'opened', request, session: 's' });
    expect(await opened).toBe('s');
    const hosts = place.hosts();
    await settle();
    last(sockets).listener.closed(1006, '');
    await expect(hosts).rejects.toThrow(RequestError);
  });
});

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
