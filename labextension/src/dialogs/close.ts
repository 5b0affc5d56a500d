/** The question what to do with a session whose tab is closed. */

import { Dialog } from '@jupyterlab/apputils';
import type { OnClose } from '../settings';
import type { TranslationBundle } from '../translation';

export interface Closing {
  choice: Exclude<OnClose, 'ask'>;
  /** Whether the person does not want to be asked again. */
  remember: boolean;
}

/** Ask; null if the person does not want to close. */
export async function askOnClose(name: string, trans: TranslationBundle): Promise<Closing | null> {
  const dialog = new Dialog({
    title: trans.__('Close the terminal?'),
    body: trans.__(
      '%1 is still connected. A session that is left running can be opened again from the Running panel.',
      name
    ),
    checkbox: {
      label: trans.__('Do not ask again'),
      caption: trans.__('You can change this in the settings of SSH Terminal.')
    },
    buttons: [
      Dialog.cancelButton(),
      Dialog.createButton({ label: trans.__('Leave it running'), accept: true, actions: ['leave'] }),
      Dialog.createButton({ label: trans.__('End it'), accept: true, displayType: 'warn', actions: ['end'] })
    ],
    defaultButton: 1
  });
  const { button, isChecked } = await dialog.launch();
  const choice = button.actions[0];
  return choice === 'end' || choice === 'leave' ? { choice, remember: isChecked ?? false } : null;
}
