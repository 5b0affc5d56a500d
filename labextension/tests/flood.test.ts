/** When a flood is drawn, and what of xterm.js is kept from drawing meanwhile. */

import { beforeEach, describe, expect, it } from 'vitest';
import { HoldableDrawing } from '../src/stream/drawing';
import { FLOOD, Flood } from '../src/stream/flood';
import type { AnyTerminal } from '../src/stream/internals';
import { nextTask } from '../src/stream/next_task';
import { ManualClock } from './support/clock';
import { terminal } from './support/terminals';

describe('a flood', () => {
  let clock: ManualClock;
  let calls: string[];
  let flood: Flood;

  beforeEach(() => {
    clock = new ManualClock();
    calls = [];
    flood = new Flood(
      { hold: () => calls.push('hold'), draw: () => calls.push('draw'), release: () => calls.push('release') },
      clock
    );
  });

  it('is drawn a few times a second, and at once when it is over', () => {
    flood.level(FLOOD + 1, false);
    clock.advance(1000);
    flood.level(FLOOD + 1, false);
    expect(calls).toEqual(['hold', 'draw', 'draw', 'draw', 'draw']);
    flood.level(0, false);
    expect(calls).toHaveLength(5);
    clock.advance(50);
    expect(calls.at(-1)).toBe('release');
    clock.advance(1000);
    expect(calls).toHaveLength(6);
  });

  it('is not over while it only pauses, but is when little comes of what follows', () => {
    flood.level(FLOOD + 1, false);
    flood.level(0, false);
    clock.advance(20);
    flood.level(FLOOD + 1, false);
    clock.advance(100);
    expect(calls).toEqual(['hold']);
    for (let line = 0; line < 10; line++) {
      flood.level(80, false);
      flood.level(0, false);
      clock.advance(10);
    }
    expect(calls).toEqual(['hold', 'release']);
  });

  it('is no reason to hold what is ordinary, or a full-screen program', () => {
    flood.level(FLOOD, false);
    flood.level(10 * FLOOD, true);
    expect(calls).toEqual([]);
    flood.level(10 * FLOOD, false);
    flood.level(10 * FLOOD, true);
    expect(calls).toEqual(['hold', 'release']);
  });

  it('is drawn at every frame while the person does something', () => {
    flood.level(2 * FLOOD, false);
    flood.touched();
    flood.level(2 * FLOOD, false);
    expect(calls).toEqual(['hold', 'release']);
    clock.advance(500);
    flood.level(2 * FLOOD, false);
    expect(calls).toEqual(['hold', 'release', 'hold']);
  });

  it('is near for a while after its end', () => {
    expect(flood.isNear).toBe(false);
    flood.level(2 * FLOOD, false);
    flood.end();
    clock.advance(900);
    expect(flood.isNear).toBe(true);
    clock.advance(200);
    expect(flood.isNear).toBe(false);
  });
});

/** What asks for frames in xterm.js. */
interface FakeCore {
  _renderService: { refreshRows(first: number, last: number): void };
  viewport?: { syncScrollArea(immediate?: boolean): void };
  _selectionService: { hasSelection: boolean; refresh(isOfMouse?: boolean): void };
}

describe('drawing that is held', () => {
  let asked: string[];
  let core: FakeCore;
  let drawing: HoldableDrawing;
  let frames: (() => void)[];

  beforeEach(() => {
    asked = [];
    core = {
      _renderService: { refreshRows: (first, last) => asked.push(`rows ${first}-${last}`) },
      viewport: { syncScrollArea: immediate => asked.push(`scroll ${immediate ?? false}`) },
      _selectionService: { hasSelection: false, refresh: isOfMouse => asked.push(`selection ${isOfMouse ?? false}`) }
    };
    frames = [];
    drawing = new HoldableDrawing({ rows: 24, _core: core } as unknown as AnyTerminal, next => frames.push(next));
  });
  const nextFrames = (): void => {
    while (frames.length > 0) {
      frames.shift()?.();
    }
  };
  const change = (): void => {
    core._renderService.refreshRows(3, 4);
    core.viewport?.syncScrollArea();
    core._selectionService.refresh();
  };

  it('asks for all that has changed, once', () => {
    drawing.hold();
    change();
    change();
    expect(asked).toEqual([]);
    drawing.draw();
    expect(asked).toEqual(['scroll false', 'selection false', 'rows 0-5']);
    nextFrames();
    expect(asked.slice(3)).toEqual(['rows 6-11', 'rows 12-17', 'rows 18-23']);
    drawing.draw();
    expect(asked).toHaveLength(6);
    change();
    expect(asked).toHaveLength(6);
    drawing.release();
    expect(asked.slice(6)).toEqual(['scroll false', 'rows 0-23']); // still nothing is selected
  });

  it('draws the rest of the rows also where it is released meanwhile', () => {
    drawing.hold();
    change();
    drawing.draw();
    drawing.release();
    nextFrames();
    expect(asked.slice(2)).toEqual(['rows 0-5', 'rows 6-11', 'rows 12-17', 'rows 18-23']);
  });

  it('asks a page without frames for one only', () => {
    drawing.hold();
    for (let times = 0; times < 3; times++) {
      change();
      drawing.draw();
    }
    expect(frames).toHaveLength(1);
    nextFrames();
    asked = [];
    drawing.draw();
    nextFrames();
    expect(asked).toHaveLength(5); // what has changed meanwhile
  });

  it('changes nothing afterwards but what draws a selection that is not there', () => {
    drawing.hold();
    drawing.release();
    change();
    expect(asked).toEqual(['rows 3-4', 'scroll false', 'selection false']);
    change();
    expect(asked.slice(3)).toEqual(['rows 3-4', 'scroll false']);
    core._selectionService.hasSelection = true;
    core._selectionService.refresh();
    core._selectionService.hasSelection = false;
    core._selectionService.refresh();
    core._selectionService.refresh();
    expect(asked.slice(5)).toEqual(['selection false', 'selection false']);
  });

  it('never holds what the mouse selects, or what must be measured now', () => {
    drawing.hold();
    core._selectionService.refresh(true);
    core.viewport?.syncScrollArea(true);
    expect(asked).toEqual(['selection true', 'scroll true']);
  });

  it('leaves a terminal alone that has no such parts', () => {
    const other = new HoldableDrawing(terminal());
    other.hold();
    other.draw();
    other.release();
    delete core.viewport;
    drawing.hold();
    core._renderService.refreshRows(1, 2);
    expect(asked).toEqual(['rows 1-2']);
  });
});

it('makes tasks in their order', async () => {
  const done: number[] = [];
  await new Promise<void>(resolve => {
    nextTask(() => done.push(1));
    nextTask(() => done.push(2));
    nextTask(resolve);
    done.push(0);
  });
  expect(done).toEqual([0, 1, 2]);
});
