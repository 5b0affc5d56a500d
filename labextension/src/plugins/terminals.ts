/** SSH terminals, as a service of places and in tabs that are restored after a reload. */

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IThemeManager } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { SessionList } from '../services/terminals/session_list';
import { terminals } from '../services/terminals/service';
import { OWN } from '../settings';
import { Terminals } from '../terminal/terminals';
import { IPlaces, IQuestions, ISessionList, ISettings, ITerminals } from '../tokens';
import { textsOf } from '../translation';

/** The command that Lab calls to restore a tab after a reload. */
const OPEN_SESSION = 'jupyter-ssh:open-session';

export const sessionListPlugin: JupyterFrontEndPlugin<ISessionList> = {
  id: 'jupyterlab-ssh:session-list',
  description: 'Keeps track of the SSH sessions of all kernels',
  autoStart: true,
  requires: [IPlaces],
  provides: ISessionList,
  activate: (app: JupyterFrontEnd, places: IPlaces): ISessionList => {
    places.register(terminals);
    return new SessionList(places, app.serviceManager.serverSettings);
  }
};

export const terminalsPlugin: JupyterFrontEndPlugin<ITerminals> = {
  id: OWN,
  description: 'Shows SSH terminals in tabs',
  autoStart: true,
  requires: [IPlaces, ISettings, ISessionList, IQuestions],
  provides: ITerminals,
  optional: [ITranslator, IThemeManager, ILayoutRestorer],
  activate: (
    { shell, commands }: JupyterFrontEnd,
    places: IPlaces,
    settings: ISettings,
    sessions: ISessionList,
    _: IQuestions, // a terminal shows the questions about it
    translator: ITranslator | null,
    themes: IThemeManager | null,
    restorer: ILayoutRestorer | null
  ): ITerminals => {
    const made = new Terminals({
      ...{ shell, places, sessions, settings, themes },
      translator: translator ?? nullTranslator
    });
    commands.addCommand(OPEN_SESSION, {
      label: textsOf(translator).__('Open SSH Session'),
      execute: args => {
        const { place, session, host } = args as { place?: unknown; session?: unknown; host?: unknown };
        if (typeof place !== 'string' || typeof session !== 'string') {
          throw new Error('A place and a session are needed.');
        }
        return made.openTab(
          { place, session, host: typeof host === 'string' ? host : '' },
          { activate: args['activate'] !== false }
        );
      }
    });
    if (restorer !== null) {
      void restorer.restore(made.tabs, {
        command: OPEN_SESSION,
        args: ({ place, view }) => ({ place, session: view.session, host: view.host, activate: false }),
        name: ({ view }) => view.session,
        when: settings.loaded
      });
    }
    return made;
  }
};
