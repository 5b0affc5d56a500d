/**
 * Links whose address the remote hides behind a text of its own (OSC 8): the address is shown before it is opened, by
 * Lab's dialog in place of xterm.js's, which stops the page.
 */

import { Dialog } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';
import type { Terminal as XTerm } from '@xterm/xterm';
import { element, remoteText } from '../dialogs/elements';
import type { TranslationBundle } from '../translation';

const LONGEST = 2048;

/** Ask, and open the address in a page that knows nothing of this one. */
async function openAfterAsking(address: string, trans: TranslationBundle): Promise<void> {
  const body = new Widget({
    node: element(
      'div',
      'jssh-Address',
      element('p', '', trans.__('The remote machine shows a text for this address:')),
      element('code', '', remoteText(address, LONGEST))
    )
  });
  const dialog = new Dialog({
    title: trans.__('Open this link?'),
    body,
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Open') })],
    defaultButton: 0
  });
  if ((await dialog.launch()).button.accept) {
    window.open(address, '_blank', 'noopener,noreferrer');
  }
}

/** The tooltip says where such a link leads; only http and https can be opened (xterm.js sees to that). */
export function showHiddenLinks(terminal: XTerm, node: HTMLElement, trans: TranslationBundle): void {
  terminal.options.linkHandler = {
    activate: (event, address) => {
      if (event.button === 0) {
        void openAfterAsking(address, trans).finally(() => terminal.focus());
      }
    },
    hover: (_, address) => {
      node.title = remoteText(address, LONGEST);
    },
    leave: () => {
      node.title = '';
    }
  };
}
