/** The clipboard, for commands of the person; the remote has no way to it. */

import type { TranslationBundle } from '../translation';

/** Put text into the clipboard. */
export async function copyText(text: string): Promise<void> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Without TLS, on another machine than this, the clipboard's interface is not there.
  const area = document.createElement('textarea');
  const focused = document.activeElement;
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- there is no other way without TLS
  document.execCommand('copy');
  area.remove();
  if (focused instanceof HTMLElement) {
    focused.focus();
  }
}

/** The clipboard's text. Throws where the browser or the person does not allow it. */
export async function pasteText(trans: TranslationBundle): Promise<string> {
  if (!window.isSecureContext) {
    throw new Error(trans.__('Without HTTPS the browser keeps the clipboard closed. Paste with the keys instead.'));
  }
  return navigator.clipboard.readText();
}
