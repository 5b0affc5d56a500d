/** All places that this page talks to, and what the server knows of the others. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection, type Kernel, type ServiceManager } from '@jupyterlab/services';
import { Signal, type ISignal } from '@lumino/signaling';
import type { Description } from '../protocol/messages';
import { fallbackFactory } from './fallback';
import { PlaceConnection } from './place';
import { webSocketFactory } from './websocket';

export const HOST_PLACE = 'host';

/** A session and where it lives. */
export interface Located {
  place: string;
  description: Description;
}

const CLIENT = '@jupyter-ssh/lab';
/** How long the kernel of an open notebook may take to be connected to after a reload, and how often to look. */
const PATIENCE = 5_000;
const STEP = 100;
/** A connection that nobody uses is closed after so many milliseconds. */
const IDLE = 30_000;

export class Places {
  private readonly connections = new Map<string, PlaceConnection>();
  private elsewhere: Located[] = [];
  private readonly changedSignal = new Signal<this, undefined>(this);

  constructor(
    private readonly services: ServiceManager.IManager,
    /** The kernel's connection that the page has already: only one per page may handle comms. */
    private readonly kernelConnection: (id: string) => Kernel.IKernelConnection | null,
    /** Settled once all that was open before a reload is there again. */
    private readonly restored: Promise<unknown>
  ) {
    const hurry = (): void => {
      if (document.visibilityState === 'visible') {
        for (const connection of this.connections.values()) {
          connection.hurry();
        }
      }
    };
    window.addEventListener('online', hurry);
    window.addEventListener('offline', hurry);
    document.addEventListener('visibilitychange', hurry);
    setInterval(() => this.closeUnused(), IDLE);
  }

  /** Something about the sessions has changed. */
  get changed(): ISignal<this, undefined> {
    return this.changedSignal;
  }

  /** The connection to a place, made when it is first asked for. */
  at(place: string): PlaceConnection {
    let connection = this.connections.get(place);
    if (connection === undefined) {
      const settings = this.services.serverSettings;
      connection = new PlaceConnection({
        place,
        client: CLIENT,
        webSocket: webSocketFactory(place, settings),
        fallback: () => (place === HOST_PLACE ? null : fallbackFactory(() => this.kernel(place))),
        probe: () => this.probe()
      });
      connection.sessionsChanged.connect(() => this.changedSignal.emit(undefined));
      connection.stateChanged.connect(() => this.changedSignal.emit(undefined));
      this.connections.set(place, connection);
    }
    return connection;
  }

  /** Start the host if it does not run, and connect to it. */
  async host(): Promise<PlaceConnection> {
    await this.request('host', { method: 'POST' });
    const host = this.at(HOST_PLACE);
    await host.ready();
    return host;
  }

  /** All sessions that are known of. */
  sessions(): Located[] {
    const connected = [...this.connections.values()].filter(({ state }) => state === 'connected');
    const places = new Set(connected.map(({ place }) => place));
    return [
      ...connected.flatMap(({ place, sessions }) =>
        [...sessions.values()].map(description => ({ place, description }))
      ),
      ...this.elsewhere.filter(({ place }) => !places.has(place))
    ];
  }

  /** Ask the server for the sessions of all places. */
  async refresh(): Promise<void> {
    const answer = await this.request('terminals', {});
    const { places } = (await answer.json()) as { places?: { place: string; sessions: Description[] }[] };
    this.elsewhere = (places ?? []).flatMap(({ place, sessions }) =>
      sessions.map(description => ({ place, description }))
    );
    this.changedSignal.emit(undefined);
  }

  /** End a session wherever it is. */
  async end({ place, description }: Located): Promise<void> {
    const connection = this.at(place);
    await connection.ready();
    connection.send({ type: 'end', session: description.session });
    this.elsewhere = this.elsewhere.filter(other => other.description.session !== description.session);
    this.changedSignal.emit(undefined);
  }

  /**
   * The page's connection to a kernel. While the page is restored that of a notebook is yet to come: only the first
   * connection of a page hears comms, so taking its place would leave the notebook's widgets dead.
   */
  private async kernel(id: string): Promise<Kernel.IKernelConnection | null> {
    await Promise.all([this.restored, this.services.ready]);
    const { kernels, sessions } = this.services;
    const isOfNotebook = [...sessions.running()].some(({ kernel }) => kernel?.id === id);
    for (let waited = 0; ; waited += STEP) {
      const open = this.kernelConnection(id);
      if (open !== null) {
        return open;
      }
      if (!isOfNotebook || waited >= PATIENCE) {
        break;
      }
      await new Promise(resolve => setTimeout(resolve, STEP));
    }
    const model = [...kernels.running()].find(running => running.id === id);
    return model === undefined ? null : kernels.connectTo({ model });
  }

  private async request(what: string, init: RequestInit): Promise<Response> {
    const settings = this.services.serverSettings;
    const url = URLExt.join(settings.baseUrl, 'jupyter-ssh', 'api', what);
    const response = await ServerConnection.makeRequest(url, init, settings);
    if (!response.ok) {
      throw await ServerConnection.ResponseError.create(response);
    }
    return response;
  }

  private async probe(): Promise<number> {
    try {
      await this.request('terminals', {});
      return 200;
    } catch (error) {
      return error instanceof ServerConnection.ResponseError ? error.response.status : 0;
    }
  }

  private closeUnused(): void {
    for (const [place, connection] of this.connections) {
      if (!connection.isUsed && connection.state === 'connected') {
        connection.close();
        this.connections.delete(place);
      }
    }
  }
}
