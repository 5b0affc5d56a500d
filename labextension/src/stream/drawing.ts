/**
 * Drawing that can be held back: xterm.js draws all changes at every frame of the screen, which during a flood takes
 * more time than everything else, and nobody can read it. Three of its parts request frames; each is kept from doing so
 * while drawing is held. If a later xterm.js has other parts, it draws as usual.
 */

import type { AnyTerminal } from './internals';

export interface Drawing {
  /** Stop drawing until told to resume. */
  hold(): void;
  /** Draw, in the next frames, what has changed since; later changes are held back again. */
  draw(): void;
  /** Draw what has changed since, and from now on at every frame. */
  release(): void;
}

interface Selection {
  readonly hasSelection: boolean;
  refresh(isOfMouse?: boolean): void;
}

interface Parts {
  _renderService: { refreshRows(first: number, last: number, isRedraw?: boolean): void };
  viewport: { syncScrollArea(immediate?: boolean): void };
  _selectionService: Selection;
}

function parts(terminal: AnyTerminal): Parts | null {
  const core = (terminal as { _core?: Partial<Parts> })._core;
  const known =
    typeof core?._renderService?.refreshRows === 'function' &&
    typeof core.viewport?.syncScrollArea === 'function' &&
    typeof core._selectionService?.refresh === 'function' &&
    typeof core._selectionService.hasSelection === 'boolean';
  return known ? (core as Parts) : null;
}

/** The number of frames over which the rows are drawn while drawing is held: all at once would block the page. */
const FRAMES = 4;

export class HoldableDrawing implements Drawing {
  private isHeld = false;
  /** Requests a frame for everything that has changed; null if that was not needed since the last one. */
  private rows: ((first: number, last: number) => void) | null = null;
  private scrollBar: (() => void) | null = null;
  private selection: (() => void) | null = null;
  private isInstalled = false;
  private isDrawing = false;

  constructor(
    private readonly terminal: AnyTerminal,
    private readonly frame: (next: () => void) => void = next => requestAnimationFrame(next)
  ) {}

  hold(): void {
    // Not earlier: a terminal does not have these parts before it is first shown.
    this.isInstalled ||= this.install();
    this.isHeld = this.isInstalled;
  }

  draw(): void {
    if (this.isDrawing) {
      return; // the frames are still due: a page that is not visible gets none
    }
    const rows = this.rows;
    this.drawAround();
    if (rows !== null) {
      this.isDrawing = true;
      this.drawBand(rows, 0);
    }
  }

  release(): void {
    const rows = this.rows;
    this.isHeld = false;
    this.drawAround();
    rows?.(0, this.terminal.rows - 1);
  }

  private drawAround(): void {
    const asking = [this.scrollBar, this.selection];
    this.rows = this.scrollBar = this.selection = null;
    asking.forEach(ask => ask?.());
  }

  /** Draw the rows from `first` on, some in the next frame and the rest in those after it. */
  private drawBand(rows: (first: number, last: number) => void, first: number): void {
    const next = first + Math.ceil(this.terminal.rows / FRAMES);
    rows(first, Math.min(next, this.terminal.rows) - 1);
    if (next < this.terminal.rows) {
      this.frame(() => this.drawBand(rows, next));
    } else {
      this.isDrawing = false;
    }
  }

  private install(): boolean {
    const found = parts(this.terminal);
    if (found === null) {
      return false;
    }
    this.guardRows(found._renderService);
    this.guardScrollBar(found.viewport);
    this.guardSelection(found._selectionService);
    return true;
  }

  private guardRows(service: Parts['_renderService']): void {
    const refreshRows = service.refreshRows.bind(service);
    service.refreshRows = (first, last, isRedraw) => {
      if (this.isHeld) {
        this.rows = refreshRows;
      } else {
        refreshRows(first, last, isRedraw);
      }
    };
  }

  private guardScrollBar(viewport: Parts['viewport']): void {
    const sync = viewport.syncScrollArea.bind(viewport);
    viewport.syncScrollArea = immediate => {
      if (this.isHeld && !immediate) {
        this.scrollBar = sync;
      } else {
        sync(immediate);
      }
    };
  }

  private guardSelection(service: Selection): void {
    const refresh = service.refresh.bind(service);
    let wasSelected = true;
    const ask = (): void => {
      wasSelected = service.hasSelection;
      refresh();
    };
    service.refresh = isOfMouse => {
      if (isOfMouse) {
        wasSelected = true;
        refresh(isOfMouse);
      } else if (wasSelected || service.hasSelection) {
        // It is requested for each line that scrolls, and draws all rows once more, even if nothing is selected.
        if (this.isHeld) {
          this.selection = ask;
        } else {
          ask();
        }
      }
    };
  }
}
