/** An xterm.js terminal as the screen of a viewer. */

import { takeBreaks } from './breaks';
import { limitCombining } from './combining';
import { limitCounts } from './counts';
import { HoldableDrawing, type Drawing } from './drawing';
import { internals, type AnyTerminal } from './internals';
import { limitLinks } from './link_marks';
import { snapshotInSteps, type CursorOptions } from './snapshot';
import type { Screen } from './writer';

const GROUND = 0;

export class TerminalScreen implements Screen {
  readonly drawing: Drawing;
  atBreak: (() => void) | null = null;
  private readonly usual: CursorOptions;

  constructor(private readonly terminal: AnyTerminal) {
    this.drawing = new HoldableDrawing(terminal);
    const { cursorStyle, cursorBlink } = terminal.options;
    this.usual = { cursorStyle, cursorBlink };
    terminal.options.logLevel = 'off'; // what the remote does wrong is not for the page's console
    takeBreaks(terminal, () => this.atBreak?.()); // the handler that is registered last is called first: a break knows the count as limited
    limitCounts(terminal);
    limitLinks(terminal);
    limitCombining(terminal);
  }

  get rows(): number {
    return this.terminal.rows;
  }

  get cols(): number {
    return this.terminal.cols;
  }

  get alternate(): boolean {
    return this.terminal.buffer.active.type === 'alternate';
  }

  get whole(): boolean {
    const handler = internals(this.terminal)?._inputHandler;
    return handler === undefined
      ? true
      : handler._parser.currentState === GROUND && (handler._utf8Decoder.interim[0] ?? 0) === 0;
  }

  write(data: Uint8Array | string, done: () => void): void {
    this.terminal.write(data, done);
  }

  reset(): void {
    this.terminal.reset();
    // A program's cursor must not outlive it, but the reset leaves it.
    this.terminal.options.cursorStyle = this.usual.cursorStyle as 'block';
    this.terminal.options.cursorBlink = this.usual.cursorBlink;
  }

  resize(rows: number, cols: number): void {
    this.terminal.resize(cols, rows);
  }

  *snapshot(): Generator<undefined, string | null> {
    const steps = snapshotInSteps(this.terminal, this.usual);
    const before = this.shape;
    let step = steps.next();
    while (!step.done) {
      yield;
      if (this.shape !== before) {
        return null;
      }
      step = steps.next();
    }
    return step.value;
  }

  /** Changes with everything that the page itself does to a terminal without output: clearing or resizing it. */
  private get shape(): string {
    const { rows, cols, buffer } = this.terminal;
    const { type, length, baseY, cursorX, cursorY } = buffer.active;
    return [rows, cols, type, length, baseY, cursorX, cursorY].join();
  }
}
