/**
 * Queries in the output (device attributes, status, modes, colours): the terminal answers them by typing, so one must
 * be kept from it where the answer was given before, or where another page gives it.
 */

import type { AnyTerminal } from './internals';

const ESCAPE_QUERIES = [
  { final: 'c' }, // DA1
  { prefix: '>', final: 'c' }, // DA2
  { prefix: '=', final: 'c' }, // DA3
  { final: 'n' }, // DSR
  { prefix: '?', final: 'n' },
  { intermediates: '$', final: 'p' }, // DECRQM
  { prefix: '?', intermediates: '$', final: 'p' },
  { prefix: '>', final: 'q' }, // XTVERSION
  { final: 't' }, // reports of the window
  { prefix: '?', final: 'u' } // keyboard protocol
];
/** OSC colour commands; with "?" they ask. */
const COLOUR_QUERIES = [4, 10, 11, 12];
const CLIPBOARD = 52;

/** Keep queries from the terminal while `answers` is false, and the clipboard from the remote always. */
export function guardQueries(terminal: AnyTerminal, answers: () => boolean): void {
  const { parser } = terminal;
  for (const id of ESCAPE_QUERIES) {
    parser.registerCsiHandler(id, () => !answers());
  }
  parser.registerDcsHandler({ intermediates: '$', final: 'q' }, () => !answers()); // DECRQSS
  for (const number of COLOUR_QUERIES) {
    parser.registerOscHandler(number, data => data.includes('?') && !answers());
  }
  parser.registerOscHandler(CLIPBOARD, () => true);
}

/** Reports of the focus are typed by the terminal alone. */
export function isFocusReport(data: string): boolean {
  return data === '\x1b[I' || data === '\x1b[O';
}
