/** All places of a page, the sessions that are known of, and the page's own connections to kernels. */

import '../support/page';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { ServerConnection, type Kernel, type ServiceManager } from '@jupyterlab/services';
import { findKernel, kernelOfWidgets } from '../../src/connection/kernels';
import type { Place } from '../../src/connection/place';
import { Places } from '../../src/connection/places';
import { RequestError } from '../../src/connection/service';
import { questions } from '../../src/services/questions/service';
import { terminals } from '../../src/services/terminals/service';
import { SessionList } from '../../src/services/terminals/session_list';
import { TestPlaces } from '../support/places';
import { trans } from '../support/texts';
import { described } from '../support/transports';
import { until } from '../support/until';

interface Request {
  url: string;
  method: string;
}

/** Settings of a server that answers requests with `answer`, and to which no WebSocket is ever opened. */
function server(answer: (request: Request) => Response): { settings: ServerConnection.ISettings; sockets: string[] } {
  const sockets: string[] = [];
  class Socket {
    readyState = 0;
    onclose: (event: object) => void = () => undefined;
    constructor(url: string) {
      sockets.push(url);
      opened.push(this);
    }
    close(): void {}
  }
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://server/base/',
    wsUrl: 'ws://server/base/',
    token: '',
    WebSocket: Socket as unknown as typeof WebSocket,
    fetch: request => {
      const { url, method } = request as unknown as Request;
      return Promise.resolve(answer({ url: url.replace(/\?\d+$/, ''), method })); // Lab's number against caches
    }
  });
  return { settings, sockets };
}

/** The sockets that were made. */
let opened: { onclose: (event: object) => void }[];

beforeEach(() => {
  opened = [];
});

describe('places', () => {
  let places: Places;
  let requests: Request[];
  let sockets: string[];
  let answer: () => Response;
  let sought: string[];

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'setTimeout', 'clearTimeout'] });
    requests = [];
    sought = [];
    answer = () => new Response('{"place": "host"}');
    const made = server(request => {
      requests.push(request);
      return answer();
    });
    sockets = made.sockets;
    places = new Places({
      settings: made.settings,
      findKernel: id => {
        sought.push(id);
        return Promise.resolve(null);
      },
      trans
    });
    places.register(terminals);
  });

  afterEach(() => {
    places.all.forEach(place => place.close());
    vi.useRealTimers();
  });

  it('are made once each, and have the services that are registered before and after', () => {
    const added: Place[] = [];
    places.added.connect((_, place) => added.push(place));
    const place = places.at('kernel');
    expect(places.at('kernel')).toBe(place);
    places.at('other');
    expect(places.all.map(({ id }) => id)).toEqual(['kernel', 'other']);
    expect(added).toEqual(places.all);
    places.register(questions);
    for (const each of [...places.all, places.at('third')]) {
      expect(each.service(terminals)).toBeDefined();
      expect(each.service(questions)).toBeDefined();
    }
    expect(sockets).toEqual([]); // they connect when they are asked to
  });

  it('have a host that is started before it is connected to', async () => {
    const host = places.host();
    host.catch(() => undefined);
    await until(() => expect(sockets).toEqual(['ws://server/base/jupyter-ssh/channels/host']));
    expect(requests).toEqual([{ url: 'http://server/base/jupyter-ssh/api/host', method: 'POST' }]);
    places.at('host').close();
    vi.advanceTimersByTime(20_000);
    await expect(host).rejects.toThrow('The server did not answer.');
  });

  it('have none where the server refuses', async () => {
    answer = () => new Response('{"message": "no"}', { status: 403 });
    await expect(places.host()).rejects.toThrow(
      new RequestError('The server could not start the process for terminals: no')
    );
    answer = () => {
      throw new TypeError('fetch failed');
    };
    await expect(places.host()).rejects.toThrow(new RequestError('The server did not answer.'));
    expect(sockets).toEqual([]);
  });

  it.each([
    [403, 'denied', []],
    [404, 'absent', ['kernel']],
    [200, 'waiting', []]
  ])('where no WebSocket can be opened and the server says %i are %s', async (status, state, kernels) => {
    answer = () => new Response('{}', { status });
    const place = places.at('kernel');
    place.connect();
    opened.at(-1)?.onclose({ code: 1006, reason: '' });
    await until(() => expect(requests).toHaveLength(1));
    await until(() => expect([place.state, sought]).toEqual([state, kernels]));
  });

  it('do not look for a kernel of the host', async () => {
    answer = () => new Response('{}', { status: 404 });
    const place = places.at('host');
    place.connect();
    opened.at(-1)?.onclose({ code: 1006, reason: '' });
    await until(() => expect(place.state).toBe('absent'));
    expect(sought).toEqual([]);
  });

  it('are tried at once when the network comes back or the person looks', () => {
    const hurry = vi.spyOn(places.at('kernel'), 'hurry');
    window.dispatchEvent(new Event('online'));
    document.dispatchEvent(new Event('visibilitychange'));
    expect(hurry).toHaveBeenCalledTimes(2);
    vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden');
    document.dispatchEvent(new Event('visibilitychange'));
    expect(hurry).toHaveBeenCalledTimes(2);
  });

  it('are closed when nothing uses them any more', () => {
    const place = places.at('kernel');
    vi.spyOn(place, 'state', 'get').mockReturnValue('connected');
    const close = vi.spyOn(place, 'close');
    const release = place.use();
    vi.advanceTimersByTime(60_000);
    expect(close).not.toHaveBeenCalled();
    release();
    vi.advanceTimersByTime(30_000);
    expect(close).toHaveBeenCalled();
  });
});

describe('the list of sessions', () => {
  const names = (list: SessionList): string[] =>
    list.all().map(({ place, description }) => place + description.session);

  it('has those of the places that are connected, and what the server knows of the others', async () => {
    const places = new TestPlaces();
    const { settings } = server(() =>
      Response.json({
        places: [
          { place: 'k', sessions: [described('old')] },
          { place: 'far', sessions: [described('f')] }
        ]
      })
    );
    const before = places.at('k');
    const list = new SessionList(places, settings);
    const changes: unknown[] = [];
    list.changed.connect(() => changes.push(names(list)));
    await list.refresh();
    expect(names(list)).toEqual(['kold', 'farf']);
    before.connect();
    places.transport('k').greet('one', { terminals: { sessions: [described('new')] } });
    expect(names(list)).toEqual(['knew', 'farf']);
    places.at('later').connect();
    places.transport('later').greet('one', { terminals: { sessions: [] } });
    places.transport('later').say('terminals.session', { description: described('l') });
    expect(changes.at(-1)).toEqual(['knew', 'laterl', 'farf']);
    places.transport('k').listener.closed(1006, '');
    expect(names(list)).toEqual(['laterl', 'kold', 'farf']);
    before.close();
  });

  it('ends a session wherever it is', async () => {
    const places = new TestPlaces();
    const { settings } = server(() => Response.json({ places: [{ place: 'far', sessions: [described('f')] }] }));
    const list = new SessionList(places, settings);
    await list.refresh();
    const ended = list.end({ place: 'far', description: described('f') });
    places.transport('far').greet();
    await ended;
    expect(places.transport('far').take('terminals.end')).toMatchObject([{ session: 'f' }]);
    places.at('far').close();
    expect(names(list)).toEqual([]);
  });

  it('has none where the server says nothing of any', async () => {
    const list = new SessionList(new TestPlaces(), server(() => Response.json({})).settings);
    await list.refresh();
    expect(list.all()).toEqual([]);
  });
});

describe('the connection to a kernel', () => {
  const kernel = { id: 'k' } as Kernel.IKernelConnection;
  const connected = { id: 'k', dispose: vi.fn() };
  const connectTo = vi.fn(() => connected);
  const services = (ofNotebook: string[], running: string[]): ServiceManager.IManager =>
    ({
      ready: Promise.resolve(),
      sessions: { running: () => ofNotebook.map(id => ({ kernel: { id } })) },
      kernels: { running: () => running.map(id => ({ id })), connectTo }
    }) as unknown as ServiceManager.IManager;

  it('is that of a notebook, of a console or of a document on this page', () => {
    const context = { sessionContext: { session: { kernel } } };
    const shell = (widget: object): JupyterFrontEnd.IShell =>
      ({ widgets: () => [{}, { sessionContext: { session: null } }, widget].values() }) as never;
    for (const widget of [context, { console: context }, { content: context }]) {
      expect(kernelOfWidgets(shell(widget), 'k')).toBe(kernel);
      expect(kernelOfWidgets(shell(widget), 'other')).toBeNull();
    }
  });

  it('is waited for while the page is restored that of a notebook', async () => {
    let looks = 0;
    const found = await findKernel('k', services(['k'], ['k']), () => (++looks < 3 ? null : kernel));
    expect(found?.kernel).toBe(kernel);
    expect(looks).toBe(3);
    found?.release(); // it stays open: it is not ours
  });

  it('is made where no notebook has it, and only to a kernel that runs', async () => {
    const found = await findKernel('k', services([], ['k']), () => null);
    expect(found?.kernel).toBe(connected);
    expect(connectTo).toHaveBeenCalledWith({ model: { id: 'k' }, handleComms: false });
    found?.release();
    expect(connected.dispose).toHaveBeenCalledOnce();
    expect(await findKernel('k', services([], ['other']), () => null)).toBeNull();
  });
});
