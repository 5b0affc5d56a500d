/**
 * Links whose address the remote hides behind a text of its own (OSC 8): the address is shown before it is opened, by
 * Lab's dialog in place of xterm.js's, which stops the page.
 */

import { Dialog } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';
import type { Terminal as XTerm } from '@xterm/xterm';
import { element, remoteText } from '../dialogs/elements';

const LONGEST = 2048;

/** Ask, and open the address in a page that knows nothing of this one. */
async function openAfterAsking(address: string): Promise<void> {
  const body = new Widget({
    node: element(
      'div',
      'jssh-Address',
      element('p', '', 'The remote machine shows a text for this address:'),
      element('code', '', remoteText(address, LONGEST))
    )
  });
  const dialog = new Dialog({
    title: 'Open this link?',
    body,
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: 'Open' })],
    defaultButton: 0
  });
  if ((await dialog.launch()).button.accept) {
    window.open(address, '_blank', 'noopener,noreferrer');
  }
}

/** The tooltip says where such a link leads; only http and https can be opened (xterm.js sees to that). */
export function showHiddenLinks(terminal: XTerm, node: HTMLElement): void {
  terminal.options.linkHandler = {
    activate: (event, address) => {
      if (event.button === 0) {
        void openAfterAsking(address).finally(() => terminal.focus());
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
