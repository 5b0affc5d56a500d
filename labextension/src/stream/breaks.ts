/**
 * Breaks in expensive output. xterm.js looks at the clock only between the pieces that it was given, but a piece can hold
 * a thousand sequences each of which draws the whole screen anew. After such work it is made to look: if it has been
 * busy for longer than a frame, it lets the page do something else before it continues.
 */

import type { AnyTerminal, SequenceIdentity } from './internals';

/** What a sequence costs, in cells of the screen that are written. */
type Cost = (terminal: AnyTerminal, count: number) => number;

/** As many cells take a millisecond or less. */
const BUDGET = 25_000;

const screen: Cost = terminal => terminal.rows * terminal.cols;
/** A line that moves costs a new line, and each row below it a little. */
const lines: Cost = (terminal, count) => Math.max(1, count) * (terminal.cols + terminal.rows);
const repeated: Cost = (_, count) => count;
/** Everything that the page keeps of a terminal is made or measured anew. */
const whole: Cost = () => BUDGET;

const SEQUENCES: [string, Cost, Omit<SequenceIdentity, 'final'>?][] = [
  ['LMST', lines],
  ['b', repeated],
  ['IZ', (terminal, count) => terminal.cols + count],
  ['J', screen],
  ['J', screen, { prefix: '?' }],
  ['@A', screen, { intermediates: ' ' }],
  ['}~', screen, { intermediates: "'" }],
  ['hl', whole],
  ['q', whole, { intermediates: ' ' }]
];
/** Modes that change the screen or the cursor as a whole. */
const HEAVY_MODES = new Set<unknown>([3, 12, 47, 1047, 1049]);
const ESCAPES: [SequenceIdentity, Cost][] = [
  [{ final: 'c' }, whole], // RIS
  [{ intermediates: '#', final: '8' }, screen] // DECALN
];
/** Titles, colours and links: what is outside of xterm.js follows each of them. */
const STRINGS = [0, 1, 2, 4, 8, 10, 11, 12, 104, 110, 111, 112];
const STRING_COST = BUDGET / 20;
/** Titles and lists of colours; the longest of use sets all 256 colours. */
const LONGEST = 8 * 1024;

/** Let the page breathe while this terminal parses expensive output; `listener` is called at each break. */
export function takeBreaks(terminal: AnyTerminal, listener: () => void): void {
  const { parser } = terminal;
  let spent = 0;
  const spend = (cost: number): boolean | Promise<boolean> => {
    spent += cost;
    if (spent < BUDGET) {
      return false;
    }
    spent = 0;
    listener();
    return Promise.resolve(false); // xterm.js looks at the clock before it goes on
  };
  for (const [finals, cost, more] of SEQUENCES) {
    for (const final of finals) {
      parser.registerCsiHandler({ ...more, final }, ([count]) => spend(cost(terminal, Number(count))));
    }
  }
  for (const final of 'hl') {
    parser.registerCsiHandler({ prefix: '?', final }, modes =>
      modes.some(mode => HEAVY_MODES.has(mode)) ? spend(screen(terminal, 0)) : false
    );
  }
  for (const [id, cost] of ESCAPES) {
    parser.registerEscHandler(id, () => spend(cost(terminal, 0)));
  }
  for (const number of STRINGS) {
    // Longer ones are left out; an address is the business of `limitLinks`.
    parser.registerOscHandler(number, data => (number !== 8 && data.length > LONGEST) || spend(STRING_COST));
  }
}
