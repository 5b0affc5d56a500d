/** The page's end of the terminals: who hears what the kernel sends, and what it must look like. */

import { beforeEach, describe, expect, it } from 'vitest';
import type { Stream } from '../src/connection/service';
import type { Place } from '../src/connection/place';
import { terminals, type PlaceTerminals, type ViewerListener } from '../src/services/terminals/service';
import { TestPlaces } from './support/places';
import { described, type Made } from './support/transports';

const ATTACHED = {
  ...{ session: 's', description: described('s'), from: 0, live: 0, input: 0, lead: true, cut: false },
  ...{ sizes: [[0, 10, 20]], snapshot: null }
};

describe('the terminals of a place', () => {
  let places: TestPlaces;
  let place: Place;
  let sessions: PlaceTerminals;
  let heard: unknown[];
  let first: Stream;
  let second: Stream;
  const transport = (): Made => places.transport('k');
  const viewer = (name: string, session: string): ViewerListener => ({
    session,
    connected: () => heard.push([name, 'connected']),
    disconnected: () => heard.push([name, 'disconnected']),
    replaced: () => heard.push([name, 'replaced']),
    onAttached: ({ from }) => heard.push([name, 'attached', from]),
    onOutput: (offset, bytes) => heard.push([name, 'output', offset, bytes.length]),
    onResized: ({ rows }) => heard.push([name, 'resized', rows]),
    onInput: ({ offset }) => heard.push([name, 'input', offset]),
    onSkipped: ({ to }) => heard.push([name, 'skipped', to]),
    onLead: ({ lead }) => heard.push([name, 'lead', lead]),
    failed: (code, text) => heard.push([name, code, text])
  });
  const news = (): unknown[] => heard.splice(0);

  beforeEach(() => {
    places = new TestPlaces();
    place = places.at('k');
    sessions = place.service(terminals);
    heard = [];
    first = sessions.openStream(viewer('first', 's'));
    second = sessions.openStream(viewer('second', 't'));
    place.connect();
    transport().greet('one', { terminals: { sessions: [described('s'), described('t')] } });
    expect(news()).toEqual([
      ['first', 'connected'],
      ['second', 'connected']
    ]);
    return () => place.close();
  });

  it('give each viewer what comes for its stream', () => {
    transport().say('terminals.attached', { ...ATTACHED, stream: first.number, from: 5 });
    transport().listener.data({ stream: second.number, offset: 7, bytes: new Uint8Array(3) });
    transport().say('terminals.input', { stream: first.number, offset: 2 });
    transport().say('terminals.skipped', { stream: second.number, from: 1, to: 9 });
    transport().say('terminals.lead', { stream: second.number, lead: true });
    for (const verb of ['input', 'skipped', 'lead']) {
      transport().say(`terminals.${verb}`, { stream: 99, offset: 0, from: 0, to: 0, lead: false }); // closed meanwhile
    }
    expect(news()).toEqual([
      ['first', 'attached', 5],
      ['second', 'output', 7, 3],
      ['first', 'input', 2],
      ['second', 'skipped', 9],
      ['second', 'lead', true]
    ]);
  });

  it('give all viewers of a session what is about the session', () => {
    const another = sessions.openStream(viewer('another', 's'));
    transport().say('terminals.resized', { session: 's', offset: 0, rows: 30, cols: 80 });
    transport().say('error', { code: 'failed', text: 'why', session: 's', service: 'terminals' });
    expect(news()).toEqual([
      ['first', 'resized', 30],
      ['another', 'resized', 30],
      ['first', 'failed', 'why'],
      ['another', 'failed', 'why']
    ]);
    another.close();
  });

  it('tell a viewer what went wrong with its stream, and nobody what concerns none', () => {
    transport().say('error', { code: 'bad-offset', text: '', stream: second.number, service: 'terminals' });
    transport().say('error', { code: 'no-stream', text: '', stream: first.number });
    transport().say('error', { code: 'failed', text: '', service: 'terminals' });
    expect(news()).toEqual([
      ['second', 'bad-offset', ''],
      ['first', 'no-stream', '']
    ]);
  });

  it('send what is about a stream with its number, and detach once', () => {
    sessions.sendOf(first, 'ack', { offset: 3 });
    first.send(4, Uint8Array.of(1));
    first.close();
    first.close();
    expect(transport().take('terminals.ack')).toEqual([{ type: 'terminals.ack', stream: first.number, offset: 3 }]);
    expect(transport().data).toEqual([{ stream: first.number, offset: 4, bytes: Uint8Array.of(1) }]);
    expect(transport().take('terminals.detach')).toEqual([{ type: 'terminals.detach', stream: first.number }]);
    transport().say('terminals.resized', { session: 's', offset: 0, rows: 30, cols: 80 });
    expect(news()).toEqual([]);
  });

  it('know the sessions as they change', () => {
    const changes: string[] = [];
    const gone: string[] = [];
    sessions.sessionsChanged.connect((_, session) => changes.push(session));
    sessions.sessionGone.connect((_, session) => gone.push(session));
    transport().say('terminals.session', { description: described('u', { title: 'new' }) });
    transport().say('terminals.attached', {
      ...ATTACHED,
      stream: first.number,
      description: described('s', { title: 'told' })
    });
    transport().say('terminals.gone', { session: 't' });
    expect([...sessions.sessions].map(([id, { title }]) => [id, title])).toEqual([
      ['s', 'told'],
      ['u', 'new']
    ]);
    expect([changes, gone]).toEqual([['u', 's', 't'], ['t']]);
    transport().listener.closed(4410, '');
    expect(sessions.sessions.size).toBe(0);
    expect(changes.slice(3)).toEqual(['s', 'u']);
    expect(news().slice(1)).toEqual([
      ['first', 'disconnected'],
      ['second', 'disconnected'],
      ['first', 'replaced'],
      ['second', 'replaced']
    ]);
  });

  it.each([
    ['session', { description: { ...described('s'), state: 'of tomorrow' } }],
    ['session', { description: { ...described('s'), name: undefined } }],
    ['session', {}],
    ['gone', { session: 5 }],
    ['hosts', { request: 1, hosts: [{ name: 'x' }] }],
    ['opened', { request: 1 }],
    ['attached', { ...ATTACHED, stream: 1, sizes: [[0, 10]] }],
    ['attached', { ...ATTACHED, stream: 1, snapshot: { offset: 0, rows: 1, cols: 1 } }],
    ['attached', { ...ATTACHED, stream: 1, from: 2 ** 60 }],
    ['attached', { ...ATTACHED, stream: -1 }],
    ['resized', { session: 's', offset: 0, rows: '3', cols: 4 }],
    ['input', { stream: 1, offset: 0.5 }],
    ['skipped', { stream: 1, from: 0 }],
    ['lead', { stream: 1, lead: 'yes' }]
  ])('end the connection at a frame %s that lacks something: %j', (verb, members) => {
    transport().say(`terminals.${verb}`, members);
    expect(place.state).toBe('waiting');
    expect(news().at(-1)).toEqual(['second', 'disconnected']);
  });

  it('end the connection where an announced session is none', () => {
    transport().welcome('one', { terminals: { sessions: [described('s'), { session: 'x' }] } });
    expect(place.state).toBe('waiting');
  });
});
