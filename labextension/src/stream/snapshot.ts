/** A terminal as text: what to write to an empty one of its size to get the same screen, scroll-back and modes. */

import { internals, type AnyTerminal, type Charset, type IBuffer, type InnerBuffer, type Internals } from './internals';
import { Painter } from './painter';

const ESC = '\x1b';
const CSI = `${ESC}[`;

const MOUSE: Record<string, number> = { x10: 9, vt200: 1000, drag: 1002, any: 1003 };
const ENCODINGS: Record<string, number> = { SGR: 1006, SGR_PIXELS: 1016 };
/** For each character set, a character that distinguishes it from ASCII. */
const CHARSETS: [string, string, string][] = [
  ['0', 'q', '─'],
  ['A', '#', '£']
];
const CURSORS: Record<string, number> = { block: 2, underline: 4, bar: 6 };

/** The user's cursor settings; a remote program may have changed the cursor. */
export interface CursorOptions {
  cursorStyle?: string;
  cursorBlink?: boolean;
}

/**
 * See `Snapshot` in services/terminals/messages.ts. Each step takes a millisecond or two; the terminal must not change
 * in between.
 */
export function* snapshotInSteps(terminal: AnyTerminal, usual: CursorOptions = {}): Generator<undefined, string> {
  const inner = internals(terminal);
  const { normal, alternate, active } = terminal.buffer;
  const parts = [yield* new Painter(terminal, inner).paint(normal)];
  if (inner === null) {
    if (active.type === 'alternate') {
      parts.push(`${CSI}?1049h${CSI}m${CSI}H${CSI}2J`, yield* new Painter(terminal, inner).paint(alternate));
    }
    parts.push(publicModes(terminal), `${CSI}${active.cursorY + 1};${active.cursorX + 1}H`);
    return parts.join('');
  }
  const painter = new Painter(terminal, inner);
  if (active.type === 'alternate') {
    const buffer = inner.buffers.normal;
    const isSavedHere = buffer.savedX === buffer.x && buffer.savedY === buffer.ybase + buffer.y;
    parts.push(savedCursor(buffer, painter), region(buffer, terminal), tabs(buffer, terminal));
    parts.push(cursor(normal, buffer, painter, terminal), painter.attributes(buffer.savedCurAttrData));
    parts.push(`${CSI}?${isSavedHere ? 1049 : 1047}h${CSI}m${CSI}H${CSI}2J`);
    parts.push(yield* new Painter(terminal, inner).paint(alternate));
  }
  const buffer = active.type === 'alternate' ? inner.buffers.alt : inner.buffers.normal;
  parts.push(savedCursor(buffer, painter), region(buffer, terminal), tabs(buffer, terminal));
  parts.push(publicModes(terminal), privateModes(inner), cursorStyle(terminal, usual));
  const top = inner.coreService.decPrivateModes['origin'] ? buffer.scrollTop : 0;
  parts.push(cursor(active, buffer, painter, terminal, top));
  parts.push(painter.attributes(inner._inputHandler._curAttrData), charsets(inner));
  return parts.join('');
}

function publicModes(terminal: AnyTerminal): string {
  const { modes } = terminal;
  const on: [boolean, string][] = [
    [modes.applicationCursorKeysMode, '?1h'],
    [modes.applicationKeypadMode, '?66h'],
    [modes.bracketedPasteMode, '?2004h'],
    [modes.insertMode, '4h'],
    [modes.originMode, '?6h'],
    [modes.reverseWraparoundMode, '?45h'],
    [modes.sendFocusMode, '?1004h'],
    [!modes.wraparoundMode, '?7l'],
    [modes.mouseTrackingMode !== 'none', `?${MOUSE[modes.mouseTrackingMode] ?? 1000}h`]
  ];
  return on.map(([isOn, sequence]) => (isOn ? CSI + sequence : '')).join('');
}

function privateModes(inner: Internals): string {
  const encoding = ENCODINGS[inner.coreMouseService.activeEncoding];
  const hidden = inner.coreService.isCursorHidden ? `${CSI}?25l` : '';
  return hidden + (encoding === undefined ? '' : `${CSI}?${encoding}h`);
}

function cursorStyle(terminal: AnyTerminal, usual: CursorOptions): string {
  const { cursorStyle, cursorBlink } = terminal.options;
  const isUsual = cursorStyle === (usual.cursorStyle ?? 'block') && Boolean(cursorBlink) === Boolean(usual.cursorBlink);
  return isUsual ? '' : `${CSI}${(CURSORS[cursorStyle ?? 'block'] ?? 2) - (cursorBlink ? 1 : 0)} q`;
}

/** Rows count from `top`, which is the margin if the origin mode is on. */
function cursor(outer: IBuffer, buffer: InnerBuffer, painter: Painter, terminal: AnyTerminal, top = 0): string {
  const at = `${CSI}${buffer.y + 1 - top};${Math.min(buffer.x, terminal.cols - 1) + 1}H`;
  return buffer.x < terminal.cols ? at : at + painter.lastCell(outer, buffer.ybase + buffer.y);
}

function savedCursor(buffer: InnerBuffer, painter: Painter): string {
  const { savedX, savedCharset, savedCurAttrData: attributes } = buffer;
  const row = buffer.savedY - buffer.ybase;
  if (savedX === 0 && row <= 0 && attributes.fg === 0 && attributes.bg === 0 && savedCharset === undefined) {
    return '';
  }
  const charset = letter(savedCharset);
  const change = charset === 'B' ? '' : `${ESC}(${charset}`;
  const back = charset === 'B' ? '' : `${ESC}(B`;
  return `${CSI}${Math.max(0, row) + 1};${savedX + 1}H${painter.attributes(attributes)}${change}${ESC}7${back}${CSI}m`;
}

function region(buffer: InnerBuffer, terminal: AnyTerminal): string {
  const isWhole = buffer.scrollTop === 0 && buffer.scrollBottom === terminal.rows - 1;
  return isWhole ? '' : `${CSI}${buffer.scrollTop + 1};${buffer.scrollBottom + 1}r`;
}

function tabs(buffer: InnerBuffer, terminal: AnyTerminal): string {
  const set = Object.keys(buffer.tabs)
    .filter(column => buffer.tabs[column] && Number(column) < terminal.cols)
    .map(Number);
  const isUsual = set.length === Math.ceil(terminal.cols / 8) && set.every(column => column % 8 === 0);
  return isUsual ? '' : `${CSI}3g${set.map(column => `${CSI}${column + 1}G${ESC}H`).join('')}`;
}

function letter(charset: Charset): string {
  return CHARSETS.find(([, from, to]) => charset?.[from] === to)?.[0] ?? 'B';
}

function charsets(inner: Internals): string {
  const service = inner._charsetService;
  const designations = ['(', ')', '*', '+'].map((sign, level) => {
    const name = letter(service._charsets[level]);
    return name === 'B' ? '' : `${ESC}${sign}${name}`;
  });
  const shift = ['', '\x0e', `${ESC}n`, `${ESC}o`][service.glevel] ?? '';
  return designations.join('') + shift;
}
