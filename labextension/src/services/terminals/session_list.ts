/** All known sessions: of the places that this page is connected to, and of those that only the server knows. */

import type { ServerConnection } from '@jupyterlab/services';
import { Signal, type ISignal } from '@lumino/signaling';
import { requestApi } from '../../connection/api';
import type { Place } from '../../connection/place';
import type { Places } from '../../connection/places';
import type { Description } from './messages';
import { terminals } from './service';

/** A session and where it lives. */
export interface Located {
  place: string;
  description: Description;
}

export class SessionList {
  private elsewhere: Located[] = [];
  private readonly changedSignal = new Signal<this, undefined>(this);

  constructor(
    private readonly places: Pick<Places, 'all' | 'added' | 'at'>,
    private readonly settings: ServerConnection.ISettings
  ) {
    const changed = (): void => this.changedSignal.emit(undefined);
    const follow = (place: Place): void => {
      place.stateChanged.connect(changed);
      place.service(terminals).sessionsChanged.connect(changed);
    };
    places.all.forEach(follow);
    places.added.connect((_, place) => follow(place));
  }

  get changed(): ISignal<this, undefined> {
    return this.changedSignal;
  }

  all(): Located[] {
    const connected = this.places.all.filter(({ state }) => state === 'connected');
    const ids = new Set(connected.map(({ id }) => id));
    return [
      ...connected.flatMap(place =>
        [...place.service(terminals).sessions.values()].map(description => ({ place: place.id, description }))
      ),
      ...this.elsewhere.filter(({ place }) => !ids.has(place))
    ];
  }

  /** Ask the server for the sessions of places that this page is not connected to. */
  async refresh(): Promise<void> {
    const answer = await requestApi(this.settings, 'terminals');
    const { places } = (await answer.json()) as { places?: { place: string; sessions: Description[] }[] };
    this.elsewhere = (places ?? []).flatMap(({ place, sessions }) =>
      sessions.map(description => ({ place, description }))
    );
    this.changedSignal.emit(undefined);
  }

  /** End a session wherever it is. Rejects with RequestError if its place cannot be reached. */
  async end({ place, description }: Located): Promise<void> {
    const there = this.places.at(place);
    await there.ready();
    there.service(terminals).send('end', { session: description.session });
    this.elsewhere = this.elsewhere.filter(other => other.description.session !== description.session);
    this.changedSignal.emit(undefined);
  }
}
