/**
 * Queries in the output (device attributes, status, modes, colours): the terminal answers them as if typing, so it must
 * not see those that were answered before or that another page answers.
 */

import { internals, type AnyTerminal } from './internals';

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
/** OSC colour commands; with "?" they are queries. */
const COLOUR_QUERIES = [4, 10, 11, 12];
const CLIPBOARD = 52;

/** Hide queries from the terminal while `answers` is false, and always refuse the remote access to the clipboard. */
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

/** Return whether this is a focus report, which the terminal itself sends. */
export function isFocusReport(data: string): boolean {
  return data === '\x1b[I' || data === '\x1b[O';
}

/** Return a function that tells whether the terminal's newest data was typed: if not, it is an answer to the remote. */
export function watchTyping(terminal: AnyTerminal): () => boolean {
  const core = internals(terminal)?.coreService;
  if (typeof core?.onUserInput !== 'function') {
    return () => true;
  }
  let wasTyped = false;
  core.onUserInput(() => {
    wasTyped = true;
  });
  return () => {
    const was = wasTyped;
    wasTyped = false;
    return was;
  };
}
