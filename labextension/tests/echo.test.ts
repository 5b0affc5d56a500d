/** A service of its own in one file: what the page needs for one, and what the transport does for it. */

import { beforeEach, describe, expect, it } from 'vitest';
import { Place } from '../src/connection/place';
import {
  RequestError,
  type Incoming,
  type Service,
  type ServiceEnd,
  type ServiceLink,
  type Verbs
} from '../src/connection/service';
import { CLOSE } from '../src/connection/transport';
import { fields, number, text } from '../src/protocol/checks';
import { FrameError } from '../src/protocol/frames';
import { terminals } from '../src/services/terminals/service';
import { ManualClock } from './support/clock';
import { trans } from './support/texts';
import { factory, last, settle, type Made } from './support/transports';

interface Received {
  said: { request: number; text: string };
  called: { text: string };
}

interface Sent {
  say: { request: number; text: string };
  shout: { text: string };
}

class Echo implements ServiceEnd {
  readonly heard: string[] = [];
  readonly announced: Incoming<{ motto: string }> = {
    needs: fields({ motto: text }),
    take: ({ motto }) => this.heard.push(`announced ${motto}`)
  };
  readonly verbs: Verbs<Received> = {
    said: { needs: fields({ request: number, text }) },
    called: { needs: fields({ text }), take: ({ text }) => this.heard.push(`called ${text}`) }
  };

  constructor(readonly link: ServiceLink<Sent>) {}

  async say(words: string): Promise<string> {
    return ((await this.link.request('say', { text: words }, 'said')) as Received['said']).text;
  }

  connected(): void {
    this.heard.push('connected');
  }

  disconnected(): void {
    this.heard.push('disconnected');
  }

  replaced(): void {
    this.heard.push('replaced');
  }

  failed({ code }: { code: string }): void {
    this.heard.push(`failed ${code}`);
  }
}

const echo: Service<Echo> = {
  name: 'echo',
  large: ['shout'],
  open: link => new Echo(link)
};

describe('a service', () => {
  let made: Made[];
  let clock: ManualClock;
  let place: Place;
  let end: Echo;
  const services = { echo: { motto: 'again' } };

  beforeEach(() => {
    made = [];
    clock = new ManualClock();
    place = new Place({
      id: 'k',
      client: 'test',
      webSocket: factory(made),
      fallback: () => null,
      probe: () => Promise.resolve(0),
      trans,
      clock
    });
    place.add(echo);
    end = place.service(echo);
    place.connect();
  });

  it('is greeted, connected and disconnected with its place, and hears what is gone', () => {
    last(made).greet('one', services);
    last(made).listener.closed(1006, '');
    clock.advance(1_000);
    last(made).greet('two', services);
    expect(end.heard).toEqual([
      ...['announced again', 'connected', 'disconnected'],
      ...['replaced', 'announced again', 'connected']
    ]);
  });

  it('sends its verbs under its name, and gets those that are under it', () => {
    end.link.send('shout', { text: 'too early' });
    last(made).greet('one', services);
    end.link.send('shout', { text: 'hello' });
    expect(last(made).take('echo.shout')).toEqual([{ type: 'echo.shout', text: 'hello' }]);
    last(made).say('echo.called', { text: 'hello' });
    for (const type of ['echo.of-tomorrow', 'echo.__proto__', 'tomorrow.called', 'tomorrow', '.', 'pong']) {
      last(made).say(type, { text: 'hello' });
    }
    expect(last(made).take('error')).toEqual([
      { type: 'error', code: 'unknown-type', text: 'unknown-type: echo.of-tomorrow' },
      { type: 'error', code: 'unknown-type', text: 'unknown-type: echo.__proto__' },
      { type: 'error', code: 'unknown-service', text: 'unknown-service: tomorrow.called' },
      { type: 'error', code: 'unknown-type', text: 'unknown-type: tomorrow' },
      { type: 'error', code: 'unknown-type', text: 'unknown-type: .' }
    ]);
    expect(end.heard.slice(2)).toEqual(['called hello']);
    expect(place.state).toBe('connected');
  });

  it.each([
    ['echo.called', { text: 3 }],
    ['echo.called', {}],
    ['echo.said', { request: -1, text: 'x' }],
    ['error', { code: 'failed' }],
    ['error', { code: 'failed', text: '', next_step: 3 }],
    ['error', { code: 'failed', text: '', stream: 'one' }]
  ])('ends the connection, to be made anew, at a frame %s with %j', (type, members) => {
    last(made).greet('one', services);
    last(made).say(type, members);
    expect(place.state).toBe('waiting');
    expect(last(made).closed).toBe(true);
  });

  it('ends the connection where its announcement is none, and does without where there is none', () => {
    last(made).greet('one', { echo: { motto: 3 } });
    expect(place.state).toBe('waiting');
    clock.advance(1_000);
    last(made).greet('one', {});
    expect(place.state).toBe('connected');
    end.link.send('shout', { text: 'hello' });
    expect(last(made).take('echo.shout')).toEqual([]);
    expect(end.heard).toEqual([]);
  });

  it('asks, and has the answer to its own request', async () => {
    last(made).greet('one', services);
    const answers = [end.say('one'), end.say('two')];
    await settle();
    const [first, second] = last(made)
      .take('echo.say')
      .map(({ request }) => request);
    last(made).say('echo.said', { request: second, text: 'TWO' });
    last(made).say('echo.said', { request: second, text: 'twice' });
    last(made).say('echo.said', { request: first, text: 'ONE' });
    expect(await Promise.all(answers)).toEqual(['ONE', 'TWO']);
    expect(place.isUsed).toBe(false);
  });

  it('is told why there is no answer', async () => {
    const refusal = async (happens: (request: unknown) => void): Promise<RequestError> => {
      const asked = end.say('x');
      await settle();
      happens(last(made).take('echo.say')[0]?.['request']);
      const error = await asked.catch((error: unknown) => error);
      expect(error).toBeInstanceOf(RequestError);
      return error as RequestError;
    };
    last(made).greet('one', services);
    const refused = await refusal(request =>
      last(made).say('error', { request, code: 'failed', text: 'No.', next_step: 'Ask another.' })
    );
    expect([refused.message, refused.nextStep]).toEqual(['No.', 'Ask another.']);
    expect((await refusal(() => clock.advance(20_000))).message).toBe('The kernel did not answer.');
    expect((await refusal(() => last(made).listener.closed(1006, ''))).message).toBe('The connection was lost.');
    clock.advance(1_000);
    last(made).greet('one', {});
    await expect(end.say('x')).rejects.toThrow('does not support this');
    expect(end.heard).not.toContain('failed failed');
  });

  it('hears errors that no request waits for', () => {
    last(made).greet('one', services);
    const stream = end.link.openStream(() => undefined);
    last(made).say('error', { code: 'one', text: '', service: 'echo' });
    last(made).say('error', { code: 'two', text: '', service: 'other' });
    last(made).say('error', { code: 'three', text: '', stream: stream.number, service: 'echo' });
    last(made).say('error', { code: 'four', text: '', stream: stream.number, next_step: null });
    last(made).say('error', { code: 'five', text: '', stream: 99 });
    last(made).say('error', { code: 'six', text: '' });
    expect(end.heard.slice(2)).toEqual(['failed one', 'failed three', 'failed four']);
    expect(last(made).take('error')).toEqual([]); // no error is answered by one
  });

  it('has streams, whose bytes are its own', () => {
    const came: [number, number[]][] = [];
    const stream = end.link.openStream((offset, bytes) => came.push([offset, [...bytes]]));
    const other = end.link.openStream(() => expect.unreachable());
    stream.send(0, Uint8Array.of(1)); // without a connection
    last(made).greet('one', services);
    stream.send(5, Uint8Array.of(2, 3));
    expect(last(made).data).toEqual([{ stream: stream.number, offset: 5, bytes: Uint8Array.of(2, 3) }]);
    last(made).listener.data({ stream: stream.number, offset: 7, bytes: Uint8Array.of(9) });
    expect(place.isUsed).toBe(true);
    stream.close();
    other.close();
    last(made).listener.data({ stream: stream.number, offset: 8, bytes: Uint8Array.of(9) });
    expect(came).toEqual([[7, [9]]]);
    expect(place.isUsed).toBe(false);
  });

  it('sends large frames of the verbs that may be large only', async () => {
    last(made).greet('one', services);
    end.link.send('shout', { text: 'x'.repeat(100_000) });
    expect(last(made).take('echo.shout')).toHaveLength(1);
    await expect(end.say('x'.repeat(100_000))).rejects.toThrow(FrameError);
  });

  it('is named in the greeting, also where it came later', () => {
    last(made).greet('one', services);
    expect(last(made).take('hello')).toMatchObject([{ services: ['echo'] }]);
    place.add(terminals);
    expect(made).toHaveLength(2);
    last(made).greet('one', { ...services, terminals: { sessions: [] } });
    expect(last(made).take('hello')).toMatchObject([{ services: ['echo', 'terminals'] }]);
    expect(place.state).toBe('connected');
    expect(place.service(terminals).sessions.size).toBe(0);
    expect(() => place.add(terminals)).toThrow();
  });

  it('is not known to a place that has none of it', () => {
    expect(() => place.service(terminals)).toThrow();
  });

  it('ends the trying with its place', async () => {
    const asked = end.say('x');
    last(made).listener.closed(CLOSE.ended, '');
    await expect(asked).rejects.toThrow('The kernel has ended.');
    expect(end.heard).toEqual(['replaced']);
  });
});
