/** The sessions of all places in the Running panel. */

import type { IRunningSessionManagers, IRunningSessions } from '@jupyterlab/running';
import { Signal } from '@lumino/signaling';
import type { Located, Places } from '../connection/places';
import type { Manager } from '../manager';
import { begun, label } from '../terminal/condition';
import { sshIcon } from '../terminal/tab';

const PANEL = 'jp-running-sessions';
/** How often it is looked whether the panel is shown, in milliseconds, and after how many looks it is refreshed. */
const LOOK = 1_000;
const LOOKS = 10;

/** Add the section. */
export function addRunning(managers: IRunningSessionManagers, places: Places, manager: Manager): void {
  const changed = new Signal<Places, undefined>(places);
  let isScheduled = false;
  // Titles change with each prompt: the panel is drawn at most a few times a second.
  places.changed.connect(() => {
    if (!isScheduled) {
      isScheduled = true;
      setTimeout(() => {
        isScheduled = false;
        changed.emit(undefined);
      }, 250);
    }
  });
  const refresh = (): void => {
    places.refresh().catch((error: unknown) => console.warn('jupyter_ssh: no list of sessions', error));
  };
  // Lab asks only when its button is pressed; sessions of kernels that this page does not talk to would not be seen.
  let untilRefresh = 0;
  setInterval(() => {
    const isShown = Boolean(document.getElementById(PANEL)?.offsetParent) && document.visibilityState === 'visible';
    untilRefresh = isShown ? untilRefresh - 1 : 0;
    if (isShown && untilRefresh < 0) {
      untilRefresh = LOOKS;
      refresh();
    }
  }, LOOK);
  const item = (located: Located): IRunningSessions.IRunningItem => {
    const { place, description } = located;
    return {
      icon: () => sshIcon,
      // In the label, not in the detail beside it: Lab opens an item by a click on its label alone.
      label: () => `${label(description)} · ${begun(description)}`,
      labelTitle: () => [label(description), description.text, `begun ${begun(description)}`].join('\n'),
      detail: () => (description.state === 'open' ? '' : description.state),
      open: () => {
        manager.openTab({ place, session: description.session, host: description.host });
      },
      shutdown: () => {
        void manager.end(located);
      }
    };
  };
  managers.add({
    name: 'SSH Sessions',
    running: () => places.sessions().map(item),
    shutdownAll: () => {
      for (const located of places.sessions()) {
        void manager.end(located);
      }
    },
    refreshRunning: refresh,
    runningChanged: changed,
    shutdownLabel: 'End',
    shutdownAllLabel: 'End All',
    shutdownAllConfirmationText: 'End all SSH sessions? Their programs get a hangup.'
  });
}
