/** Terminals without a page, and what is on them. */

import headless from '@xterm/headless';
import type { AnyTerminal } from '../../src/stream/internals';

export function terminal(rows = 24, cols = 80, scrollback = 1000): AnyTerminal {
  return new headless.Terminal({ rows, cols, scrollback, allowProposedApi: true });
}

export function write(target: AnyTerminal, data: string | Uint8Array): Promise<void> {
  return new Promise(resolve => target.write(data, resolve));
}

/** Every cell with what it looks like, the cursor, the modes and what is hidden but matters to what comes. */
export function state(target: AnyTerminal): object {
  const core = (target as unknown as { _core: any })._core;
  const cells = (buffer: any): string[] => {
    const rows = [];
    for (let y = 0; y < buffer.length; y++) {
      const line = buffer.getLine(y);
      let row = '';
      for (let x = 0; x < line.length; x++) {
        const cell = line.getCell(x);
        const ext =
          cell.getChars() !== '' && cell.hasExtendedAttrs() && cell.isUnderline()
            ? String([cell.getUnderlineStyle() || 1, cell.getUnderlineColor()])
            : '';
        const fg = cell.getChars() === '' ? '' : cell.fg;
        row += `${cell.getChars()}|${cell.getWidth()}|${fg}|${cell.getBgColorMode()}|${cell.getBgColor()}|${cell.isItalic() && cell.getChars() ? 'i' : ''}${ext}~`;
      }
      rows.push(row.replace(/(\|1\|\|0\|-1\|~|\|1\|\|0\|0\|~)+$/, ''));
    }
    return rows;
  };
  const inner = (buffer: any): object => ({
    x: buffer.x,
    y: buffer.y,
    top: buffer.scrollTop,
    bottom: buffer.scrollBottom,
    savedX: Math.min(buffer.savedX, target.cols - 1),
    savedY: Math.max(0, buffer.savedY - buffer.ybase),
    savedFg: buffer.savedCurAttrData.fg,
    savedBg: buffer.savedCurAttrData.bg
  });
  const isAlternate = target.buffer.active.type === 'alternate';
  return {
    rows: cells(target.buffer.normal),
    alternate: isAlternate ? cells(target.buffer.alternate) : null,
    active: target.buffer.active.type,
    modes: { ...target.modes },
    normal: inner(core.buffers.normal),
    alt: isAlternate ? inner(core.buffers.alt) : null,
    fg: core._inputHandler._curAttrData.fg,
    bg: core._inputHandler._curAttrData.bg,
    hidden: core.coreService.isCursorHidden,
    encoding: core.coreMouseService.activeEncoding,
    glevel: core._charsetService.glevel,
    charset: core._charsetService.charset?.['q'] ?? 'q',
    cursor: [target.options.cursorStyle, target.options.cursorBlink]
  };
}
