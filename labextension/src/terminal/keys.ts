/**
 * Which keys belong to the terminal. Lab's shortcuts would take Ctrl+B, Ctrl+D, Ctrl+W and more from the programs in
 * it; those with Ctrl+Shift, Cmd and the function keys with modifiers stay Lab's.
 */

import { Platform } from '@lumino/domutils';

/** Lumino leaves keys alone that were pressed inside an element with this attribute. */
const SUPPRESS = 'data-lm-suppress-shortcuts';

export type Keys = Pick<KeyboardEvent, 'ctrlKey' | 'shiftKey' | 'altKey' | 'metaKey' | 'key'>;

/** Whether the program in the terminal gets the key, not Lab. */
export function belongsToTerminal(event: Keys, isMac: boolean): boolean {
  if (event.metaKey) {
    return false;
  }
  if (isMac) {
    return true; // Lab's own are with Cmd there
  }
  return !(event.ctrlKey && event.shiftKey);
}

const guarded = new WeakSet<HTMLElement>();
let isListening = false;

/** Give the terminal in `node` its keys. */
export function guardKeys(node: HTMLElement): void {
  guarded.add(node);
  if (isListening) {
    return;
  }
  isListening = true;
  // On the window: before Lumino, which listens on the document.
  window.addEventListener(
    'keydown',
    event => {
      const place = event.target instanceof Element ? event.target.closest<HTMLElement>('.jssh-Terminal') : null;
      if (place !== null && guarded.has(place)) {
        place.toggleAttribute(SUPPRESS, belongsToTerminal(event, Platform.IS_MAC));
      }
    },
    true
  );
}
