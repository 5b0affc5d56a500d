/**
 * Links whose address the remote hides behind another text (OSC 8): the address is shown before it is opened, in Lab's
 * dialog instead of that of xterm.js, which blocks the page.
 */

import { Dialog } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';
import type { Terminal as XTerm } from '@xterm/xterm';
import { element, remoteText } from '../dialogs/elements';
import type { TranslationBundle } from '../translation';

const LONGEST = 2048;

/** Ask, and open the address in a page that has no access to this one. */
async function openAfterAsking(address: string, trans: TranslationBundle): Promise<void> {
  const body = new Widget({
    node: element(
      'div',
      'jssh-Address',
      element('p', '', trans.__('The remote machine shows another text in place of this address:')),
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

/** Show the address of such a link as a tooltip; only http and https can be opened (xterm.js ensures that). */
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
