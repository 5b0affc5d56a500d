/** The connections of this page to kernels and to the extension's own process. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator } from '@jupyterlab/translation';
import { findKernel, kernelOfWidgets } from '../connection/kernels';
import { Places } from '../connection/places';
import { IPlaces } from '../tokens';
import { textsOf } from '../translation';

export const placesPlugin: JupyterFrontEndPlugin<IPlaces> = {
  id: 'jupyterlab-ssh:places',
  description: 'Connects to kernels, for the services of jupyter_ssh',
  autoStart: true,
  provides: IPlaces,
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null): IPlaces => {
    const { serviceManager, shell, restored } = app;
    return new Places({
      settings: serviceManager.serverSettings,
      findKernel: async id => {
        await restored; // what was open before a reload is open again
        return findKernel(id, serviceManager, each => kernelOfWidgets(shell, each));
      },
      trans: textsOf(translator)
    });
  }
};
