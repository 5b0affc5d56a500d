/** The sessions of all places in the Running panel. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRunningSessionManagers, type IRunningSessions } from '@jupyterlab/running';
import { ITranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import type { Located } from '../services/terminals/session_list';
import { begun, label, wordOfState } from '../terminal/condition';
import { sshIcon } from '../terminal/tab';
import { ISessionList, ITerminals } from '../tokens';
import { textsOf, type TranslationBundle } from '../translation';

/** JupyterLab's panel, and that of Notebook 7. */
const PANELS = '#jp-running-sessions, #jp-running-sessions-tree';
/** How often to check whether the panel is visible, in milliseconds, and after how many checks to refresh it. */
const LOOK = 1_000;
const LOOKS = 10;

export const runningPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-ssh:running',
  description: 'Lists SSH sessions in the Running panel',
  autoStart: true,
  requires: [ISessionList, ITerminals],
  optional: [IRunningSessionManagers, ITranslator],
  activate: (
    _: JupyterFrontEnd,
    sessions: ISessionList,
    terminals: ITerminals,
    managers: IRunningSessionManagers | null,
    translator: ITranslator | null
  ): void => {
    if (managers !== null) {
      addSection(managers, sessions, terminals, textsOf(translator));
    }
  }
};

function addSection(
  managers: IRunningSessionManagers,
  sessions: ISessionList,
  terminals: ITerminals,
  trans: TranslationBundle
): void {
  const changed = new Signal<ISessionList, undefined>(sessions);
  let isScheduled = false;
  // Titles change with each prompt, so the panel is drawn at most a few times a second.
  sessions.changed.connect(() => {
    if (!isScheduled) {
      isScheduled = true;
      setTimeout(() => {
        isScheduled = false;
        changed.emit(undefined);
      }, 250);
    }
  });
  const refresh = (): void => {
    sessions.refresh().catch((error: unknown) => console.warn('jupyter_ssh: no list of sessions', error));
  };
  // Lab refreshes only when its button is pressed, so sessions of kernels that this page is not connected to would not
  // appear.
  let untilRefresh = 0;
  setInterval(() => {
    const isOpen = Boolean(document.querySelector<HTMLElement>(PANELS)?.offsetParent);
    const isShown = isOpen && document.visibilityState === 'visible';
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
      // In the label, not in the detail beside it, because Lab opens an item only by a click on its label.
      label: () => `${label(description)} · ${begun(description)}`,
      labelTitle: () => [label(description), description.text, trans.__('started %1', begun(description))].join('\n'),
      detail: () => (description.state === 'open' ? '' : wordOfState(description.state, trans)),
      open: () => {
        terminals.openTab({ place, session: description.session, host: description.host });
      },
      shutdown: () => {
        void terminals.end(located);
      }
    };
  };
  managers.add({
    name: trans.__('SSH Sessions'),
    running: () => sessions.all().map(item),
    shutdownAll: () => {
      for (const located of sessions.all()) {
        void terminals.end(located);
      }
    },
    refreshRunning: refresh,
    runningChanged: changed,
    shutdownLabel: trans.__('End'),
    shutdownAllLabel: trans.__('End All'),
    shutdownAllConfirmationText: trans.__('End all SSH sessions? Their programs receive SIGHUP.')
  });
}
