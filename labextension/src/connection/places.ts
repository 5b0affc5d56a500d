/** The places that this page is connected to, each with all services. */

import { ServerConnection } from '@jupyterlab/services';
import { Signal, type ISignal } from '@lumino/signaling';
import type { TranslationBundle } from '../translation';
import { probeApi, requestApi } from './api';
import { fallbackFactory, type FindKernel } from './fallback';
import { HOST_PLACE, Place } from './place';
import { RequestError, type Service } from './service';
import { webSocketFactory } from './websocket';

const CLIENT = 'jupyterlab-ssh';
/** An unused connection is closed after this many milliseconds. */
const IDLE = 30_000;

export interface PlacesOptions {
  settings: ServerConnection.ISettings;
  /** Finds or makes a connection to a kernel. */
  findKernel: (id: string) => ReturnType<FindKernel>;
  trans: TranslationBundle;
}

/** The kernels, each by its id, and the extension's own process. */
export class Places {
  private readonly places = new Map<string, Place>();
  private readonly services: Service[] = [];
  private readonly addedSignal = new Signal<this, Place>(this);

  constructor(private readonly options: PlacesOptions) {
    const hurry = (): void => {
      if (document.visibilityState === 'visible') {
        this.all.forEach(place => place.hurry());
      }
    };
    window.addEventListener('online', hurry);
    window.addEventListener('offline', hurry);
    document.addEventListener('visibilitychange', hurry);
    setInterval(() => this.closeUnused(), IDLE);
  }

  /** The places that were requested since the page was loaded. */
  get all(): Place[] {
    return [...this.places.values()];
  }

  /** Emitted when a place is requested for the first time. */
  get added(): ISignal<unknown, Place> {
    return this.addedSignal;
  }

  /** Add a service to all places. */
  register(service: Service): void {
    this.services.push(service);
    this.all.forEach(place => place.add(service));
  }

  /** Return a place; it connects on request. */
  at(id: string): Place {
    let place = this.places.get(id);
    if (place === undefined) {
      place = this.make(id);
      this.places.set(id, place);
      this.addedSignal.emit(place);
    }
    return place;
  }

  /** Start the extension's own process if it is not running, and connect to it. Rejects with RequestError. */
  async host(): Promise<Place> {
    const { settings, trans } = this.options;
    try {
      await requestApi(settings, 'host', { method: 'POST' });
    } catch (error) {
      throw new RequestError(
        error instanceof ServerConnection.ResponseError
          ? trans.__('The server could not start the process for terminals: %1', error.message)
          : trans.__('The server did not answer.')
      );
    }
    const host = this.at(HOST_PLACE);
    await host.ready();
    return host;
  }

  private make(id: string): Place {
    const { settings, trans, findKernel } = this.options;
    const place = new Place({
      id,
      client: CLIENT,
      webSocket: webSocketFactory(id, settings),
      fallback: () => (id === HOST_PLACE ? null : fallbackFactory(() => findKernel(id))),
      probe: () => probeApi(settings),
      trans
    });
    this.services.forEach(service => place.add(service));
    return place;
  }

  private closeUnused(): void {
    for (const place of this.all) {
      if (!place.isUsed && place.state === 'connected') {
        place.close();
      }
    }
  }
}
