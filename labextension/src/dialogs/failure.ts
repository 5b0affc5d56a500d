/** Why something that the person asked for failed, and what to do about it. */

import { Dialog, showDialog } from '@jupyterlab/apputils';
import { RequestError } from '../connection/service';

/** Show the error's text with its next step. */
export async function showFailure(title: string, error: unknown): Promise<void> {
  const text = error instanceof Error ? error.message : String(error);
  const next = error instanceof RequestError && error.nextStep !== '' ? ` ${error.nextStep}` : '';
  await showDialog({ title, body: text + next, buttons: [Dialog.okButton()] });
}
