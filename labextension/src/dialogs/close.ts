/** What becomes of the session when its tab is closed? */

import { Dialog } from '@jupyterlab/apputils';

export type OnClose = 'ask' | 'end' | 'leave';

/** Ask; null where the person does not want to close. `remember` is their wish not to be asked again. */
export async function askOnClose(name: string): Promise<{ choice: 'end' | 'leave'; remember: boolean } | null> {
  const dialog = new Dialog({
    title: 'Close the terminal?',
    body: `${name} is still connected. A session that is left running can be opened again from the Running panel.`,
    checkbox: { label: 'Do not ask again', caption: 'The settings of SSH Terminal can change this back.' },
    buttons: [
      Dialog.cancelButton(),
      Dialog.createButton({ label: 'Leave it running', accept: true, actions: ['leave'] }),
      Dialog.createButton({ label: 'End it', accept: true, displayType: 'warn', actions: ['end'] })
    ],
    defaultButton: 1
  });
  const { button, isChecked } = await dialog.launch();
  const choice = button.actions[0];
  return choice === 'end' || choice === 'leave' ? { choice, remember: isChecked ?? false } : null;
}
