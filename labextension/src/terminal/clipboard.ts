/** The clipboard, for the person's commands; the remote has no access to it. */

import type { TranslationBundle } from '../translation';

/** Copy text to the clipboard. */
export async function copyText(text: string): Promise<void> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // The clipboard's interface exists only with TLS or on the same machine.
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

/** Return the clipboard's text. Throws if the browser or the person does not allow it. */
export async function pasteText(trans: TranslationBundle): Promise<string> {
  if (!window.isSecureContext) {
    throw new Error(
      trans.__('Without HTTPS the browser does not give access to the clipboard. Paste with the keyboard.')
    );
  }
  return navigator.clipboard.readText();
}
