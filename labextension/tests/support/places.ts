/** Places over transports that a test holds in its hands. */

import { Signal } from '@lumino/signaling';
import { HOST_PLACE, Place } from '../../src/connection/place';
import type { Service } from '../../src/connection/service';
import { questions } from '../../src/services/questions/service';
import { terminals } from '../../src/services/terminals/service';
import { trans } from './texts';
import { factory, last, type Made } from './transports';

export class TestPlaces {
  readonly made = new Map<string, Made[]>();
  readonly added = new Signal<this, Place>(this);
  readonly services: Service[] = [terminals, questions];
  /** What becomes of the wish to have a host; else it is there. */
  hostFails: Error | null = null;
  private readonly places = new Map<string, Place>();

  get all(): Place[] {
    return [...this.places.values()];
  }

  at(id: string): Place {
    let place = this.places.get(id);
    if (place === undefined) {
      const made: Made[] = [];
      this.made.set(id, made);
      place = new Place({
        id,
        client: 'test',
        webSocket: factory(made),
        fallback: () => null,
        probe: () => Promise.resolve(0),
        trans
      });
      this.services.forEach(service => place?.add(service));
      this.places.set(id, place);
      this.added.emit(place);
    }
    return place;
  }

  async host(): Promise<Place> {
    if (this.hostFails !== null) {
      throw this.hostFails;
    }
    const host = this.at(HOST_PLACE);
    await host.ready();
    return host;
  }

  /** The transport that a place has now. */
  transport(id: string): Made {
    return last(this.made.get(id) ?? []);
  }
}
