/**
 * Counts in control sequences. xterm.js does what a count says as often as it says, up to 2^31 times, in one go: a few
 * bytes of output would stop the whole page, and again whenever it draws them. Each count is lowered to what the screen
 * has room for before xterm.js acts on it, after its own parser has read it, so that there is no second opinion about
 * what a sequence is. The result is the same, except that a repeated character fills the screen once.
 */

import { internals, type AnyTerminal, type SequenceIdentity } from './internals';

type Most = (terminal: AnyTerminal) => number;

const rows: Most = terminal => terminal.rows;
const cols: Most = terminal => terminal.cols;
const cells: Most = terminal => terminal.rows * terminal.cols;

/** The most that the first parameter of these sequences can mean (ECMA-48, DEC STD 070). */
const COUNTED: [string, Most, Omit<SequenceIdentity, 'final'>?][] = [
  ['ABEFe', rows], // CUU, CUD, CNL, CPL, VPR
  ['LMST^', rows], // IL, DL, SU, SD
  ['CDa', cols], // CUF, CUB, HPR
  ['@PX', cols], // ICH, DCH, ECH
  ['IZ', cols], // CHT, CBT: a tab stop is at least a column wide
  ['b', cells], // REP
  ['@A', cols, { intermediates: ' ' }], // SL, SR
  ['}~', cols, { intermediates: "'" }] // DECIC, DECDC
];

/** Lower the counts in the output of this terminal. */
export function limitCounts(terminal: AnyTerminal): void {
  const core = internals(terminal);
  for (const [finals, most, more] of COUNTED) {
    for (const final of finals) {
      const id = { ...more, final };
      if (core === null) {
        // Without access to the parameters, such a sequence can only be left out.
        terminal.parser.registerCsiHandler(id, ([count]) => typeof count === 'number' && count > most(terminal));
      } else {
        core.registerCsiHandler(id, ({ params }) => {
          const limit = most(terminal);
          if ((params[0] as number) > limit) {
            params[0] = limit;
          }
          return false; // xterm.js goes on with the same parameters
        });
      }
    }
  }
}
