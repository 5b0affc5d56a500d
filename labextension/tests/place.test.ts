/** The connection to a place, over transports that the test holds in its hands. */

import { beforeEach, describe, expect, it } from 'vitest';
import { Place } from '../src/connection/place';
import { RequestError, type Stream } from '../src/connection/service';
import { CLOSE } from '../src/connection/transport';
import { questions } from '../src/services/questions/service';
import { terminals, type PlaceTerminals } from '../src/services/terminals/service';
import { ManualClock } from './support/clock';
import { trans } from './support/texts';
import { described, factory, last, settle, type Made } from './support/transports';

describe('a place', () => {
  let sockets: Made[];
  let fallbacks: Made[];
  let clock: ManualClock;
  let place: Place;
  let hasFallback: boolean;
  let status: number;
  let sessions: PlaceTerminals;
  let stream: Stream;
  let heard: string[];

  beforeEach(() => {
    sockets = [];
    fallbacks = [];
    hasFallback = true;
    status = 0;
    clock = new ManualClock();
    place = new Place({
      id: 'k',
      client: 'test',
      webSocket: factory(sockets, 'socket'),
      fallback: () => (hasFallback ? factory(fallbacks, 'channels') : null),
      probe: () => Promise.resolve(status),
      trans,
      clock
    });
    place.add(terminals);
    place.add(questions);
    sessions = place.service(terminals);
    heard = [];
    stream = sessions.openStream({
      session: 's',
      connected: () => heard.push('connected'),
      disconnected: () => heard.push('disconnected'),
      replaced: () => heard.push('replaced'),
      onAttached: () => heard.push('attached'),
      onOutput: () => heard.push('output'),
      onResized: () => heard.push('resized'),
      onInput: () => heard.push('input'),
      onSkipped: () => heard.push('skipped'),
      onLead: () => heard.push('lead'),
      failed: code => heard.push(code)
    });
  });

  it('greets and is connected', () => {
    place.connect();
    last(sockets).greet();
    expect(last(sockets).sent).toEqual([
      { type: 'hello', version: 2, client: 'test', services: ['terminals', 'questions'] }
    ]);
    expect(place.state).toBe('connected');
    expect(place.way).toBe('socket');
  });

  it('is used by a view before its terminal has a stream', () => {
    place.connect();
    last(sockets).greet();
    stream.close();
    expect(place.isUsed).toBe(false);
    const releases = [place.use(), place.use()];
    releases[0]?.();
    expect(place.isUsed).toBe(true);
    releases[1]?.();
    expect(place.isUsed).toBe(false);
  });

  it('doubts a silent connection, but none on which other messages come', () => {
    place.connect();
    last(sockets).greet();
    const made = last(sockets);
    stream.send(0, Uint8Array.of(3));
    clock.advance(10_000);
    made.listener.passed();
    clock.advance(30_000);
    expect(made.sent).toHaveLength(1);
    stream.send(1, Uint8Array.of(3));
    clock.advance(30_000);
    expect(made.sent.slice(1)).toEqual([{ type: 'ping' }]);
    expect(made.closed).toBe(true);
  });

  it('comes back after a loss, ever more slowly, and at once when the person returns', () => {
    place.connect();
    last(sockets).greet();
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
    last(fallbacks).greet();
    expect(place.state).toBe('connected');
    expect(place.way).toBe('channels');
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
    last(fallbacks).welcome();
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
    last(sockets).welcome('one', undefined, { through: 'channels' });
    expect(place.way).toBe('channels');
  });

  it('finds out by itself that what is typed gets no answer', () => {
    place.connect();
    last(sockets).greet();
    stream.send(0, new Uint8Array(1));
    clock.advance(14_000);
    last(sockets).say('terminals.gone', { session: 'other' });
    clock.advance(30_000);
    expect(place.state).toBe('connected');
    stream.send(1, new Uint8Array(1));
    clock.advance(15_000);
    expect(place.state).toBe('connected');
    expect(last(sockets).sent).toContainEqual({ type: 'ping' });
    clock.advance(5_000);
    expect(place.state).toBe('waiting');
  });

  it('does not give up at once on a kernel that has much to do', () => {
    place.connect();
    last(sockets).listener.closed(CLOSE.noService, '');
    last(fallbacks).greet();
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
    last(fallbacks).greet();
    last(fallbacks).listener.closed(CLOSE.noService, '');
    expect(place.state).toBe('waiting');
    clock.advance(400);
    if (last(sockets) !== sockets[0]) {
      last(sockets).listener.closed(CLOSE.noService, '');
    }
    last(fallbacks).greet();
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
    last(sockets).greet();
    last(sockets).listener.closed(code, '');
    expect(place.state).toBe(state);
  });

  it.each([
    ['welcome', { version: 1, place: 'k', pid: 1, start: 'x', sessions: [] }],
    ['error', { code: 'version', text: 'The page speaks version 2 of the page protocol, the kernel version 3.' }]
  ])('is of another version where %s says so: %j', (type, members) => {
    place.connect();
    last(sockets).listener.opened();
    last(sockets).say(type, members);
    expect(place.state).toBe('version');
    expect(last(sockets).closed).toBe(true);
  });

  it('ends a connection whose greeting lacks something, and hears nothing before it', () => {
    place.connect();
    last(sockets).listener.opened();
    last(sockets).say('terminals.session', { description: described('s') });
    last(sockets).say('error', { code: 'failed', text: '' });
    expect(sessions.sessions.size).toBe(0);
    last(sockets).say('welcome', { version: 2, place: 'k', pid: 1, start: 'x' });
    expect(place.state).toBe('waiting');
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
    place.connect();
    last(sockets).greet();
    last(sockets).listener.closed(1006, '');
    clock.advance(1_000);
    last(sockets).greet('two');
    expect(heard).toEqual(['connected', 'disconnected', 'replaced', 'connected']);
  });

  it('finds a silent hole when the person returns', () => {
    place.connect();
    last(sockets).greet();
    place.hurry();
    expect(last(sockets).sent.pop()).toEqual({ type: 'ping' });
    clock.advance(7_000);
    expect(sockets).toHaveLength(2);
    last(sockets).greet();
    place.hurry();
    last(sockets).say('pong');
    clock.advance(6_000);
    expect(place.state).toBe('connected');
  });

  it('waits for a session that it has not heard of yet, but not for ever', async () => {
    stream.close();
    place.connect();
    last(sockets).greet();
    let found: string | undefined = 'nothing yet';
    const wait = (): void => void sessions.session('late').then(description => (found = description?.session));
    wait();
    await settle();
    expect(place.isUsed).toBe(true);
    clock.advance(60_000);
    await settle();
    expect(found).toBeUndefined();
    expect(place.isUsed).toBe(false);
    wait();
    await settle();
    last(sockets).say('terminals.session', { description: described('other') });
    last(sockets).say('terminals.session', { description: described('late') });
    await settle();
    expect(found).toBe('late');
    expect((await sessions.session('other'))?.session).toBe('other');
    expect(place.isUsed).toBe(false);
  });

  it('gives the answer to a request, or the reason why there is none', async () => {
    place.connect();
    last(sockets).greet();
    const opened = sessions.open('demo', null, 24, 80);
    await settle();
    const request = last(sockets).sent.pop()?.['request'] as number;
    last(sockets).say('terminals.opened', { request, session: 's' });
    expect(await opened).toBe('s');
    const hosts = sessions.hosts();
    await settle();
    last(sockets).listener.closed(1006, '');
    await expect(hosts).rejects.toThrow(RequestError);
  });
});
