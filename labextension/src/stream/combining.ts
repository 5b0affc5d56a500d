/**
 * Combining characters. xterm.js adds any number of them to the character before, and a browser that has to draw a million
 * on one letter stops for minutes. As many remain as any script needs.
 */

import { internals, type AnyTerminal } from './internals';

/** Tibetan stacks nine; UAX #15 lets a text have 30 in a row, of which a screen full takes seconds to draw. */
export const MOST_COMBINING = 16;
/** The first combining character in Unicode. */
const FIRST = 0x300;
/** More of them in a row than this cannot be missed by looking at every 16th character only, which costs nothing. */
const STRIDE = 16;

/** Leave out what is beyond the most combining characters in a row in the output of this terminal. */
export function limitCombining(terminal: AnyTerminal): void {
  const core = internals(terminal);
  const handler = core?._inputHandler;
  const unicode = core?.unicodeService;
  if (typeof handler?.print !== 'function' || typeof unicode?.wcwidth !== 'function') {
    return;
  }
  const print = handler.print.bind(handler);
  let row = 0; // how many of them were printed last
  const mayHaveMany = (data: Uint32Array, start: number, end: number): boolean => {
    for (let at = start; at < end; at += STRIDE) {
      if ((data[at] as number) >= FIRST) {
        return true;
      }
    }
    return false;
  };
  handler.print = (data, start, end) => {
    if (!mayHaveMany(data, start, end)) {
      row = 0;
      print(data, start, end);
      return;
    }
    if (handler._parser.precedingJoinState === 0) {
      row = 0; // after a control, there is no character to combine with
    }
    const kept = new Uint32Array(end - start);
    let length = 0;
    for (let at = start; at < end; at++) {
      const code = data[at] as number;
      row = code >= FIRST && unicode.wcwidth(code) === 0 ? row + 1 : 0;
      if (row <= MOST_COMBINING) {
        kept[length++] = code;
      }
    }
    print(kept, 0, length);
  };
}
