/**
 * The keys that belong to the terminal. Lab's shortcuts would take Ctrl+B, Ctrl+D, Ctrl+W and more from the programs in
 * it; those with Ctrl+Shift, Cmd, and function keys with modifiers remain Lab's.
 */

import { Platform } from '@lumino/domutils';

/** Lumino ignores keys that are pressed inside an element with this attribute. */
const SUPPRESS = 'data-lm-suppress-shortcuts';

export type Keys = Pick<KeyboardEvent, 'ctrlKey' | 'shiftKey' | 'altKey' | 'metaKey' | 'key'>;

/** Return whether the program in the terminal gets the key, instead of Lab. */
export function belongsToTerminal(event: Keys, isMac: boolean): boolean {
  if (event.metaKey) {
    return false;
  }
  if (isMac) {
    return true; // Lab's own use Cmd there
  }
  return !(event.ctrlKey && event.shiftKey);
}

const guarded = new WeakSet<HTMLElement>();
let isListening = false;

/** Let the terminal in `node` have its keys. */
export function guardKeys(node: HTMLElement): void {
  guarded.add(node);
  if (isListening) {
    return;
  }
  isListening = true;
  // On the window, so before Lumino, which listens on the document.
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
