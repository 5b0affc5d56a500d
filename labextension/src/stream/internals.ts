/**
 * The private parts of xterm.js that a snapshot needs. Everything else uses its public interface. If a later xterm.js
 * does not have them, `internals` returns null and snapshots contain what the public interface provides.
 */

import type { IBuffer, IBufferCell, IBufferLine, Terminal } from '@xterm/xterm';

/** The attributes of a cell, or of what is written next. */
export interface Attributes extends Pick<
  IBufferCell,
  | 'isBold'
  | 'isDim'
  | 'isItalic'
  | 'isUnderline'
  | 'isBlink'
  | 'isInverse'
  | 'isInvisible'
  | 'isStrikethrough'
  | 'isOverline'
  | 'isFgRGB'
  | 'isFgPalette'
  | 'isBgRGB'
  | 'isBgPalette'
  | 'getFgColor'
  | 'getBgColor'
> {
  fg: number;
  bg: number;
  getUnderlineStyle?(): number;
  getUnderlineColor?(): number;
  isUnderlineColorRGB?(): boolean;
  isUnderlineColorPalette?(): boolean;
  extended?: { ext: number; urlId: number };
  hasExtendedAttrs?(): number;
}

export type Charset = Record<string, string> | undefined;

export interface InnerBuffer {
  x: number;
  y: number;
  ybase: number;
  scrollTop: number;
  scrollBottom: number;
  savedX: number;
  savedY: number;
  savedCharset: Charset;
  savedCurAttrData: Attributes;
  tabs: Record<string, boolean>;
}

export interface Internals {
  buffers: { normal: InnerBuffer; alt: InnerBuffer };
  coreService: {
    isCursorHidden: boolean;
    decPrivateModes: Record<string, boolean>;
  };
  coreMouseService: { activeEncoding: string };
  _charsetService: { glevel: number; charset: Charset; _charsets: Charset[] };
  _inputHandler: {
    _curAttrData: Attributes;
    _parser: { currentState: number };
    _utf8Decoder: { interim: Uint8Array };
  };
  _oscLinkService?: { getLinkData(id: number): { uri: string; id?: string } | undefined };
}

/** The parts of a terminal that the modules here use; @xterm/headless has them too. */
export type AnyTerminal = Pick<
  Terminal,
  'buffer' | 'modes' | 'rows' | 'cols' | 'options' | 'write' | 'reset' | 'resize' | 'parser'
>;

export type { IBuffer, IBufferCell };

/** Return the private parts, or null if they are not as expected. */
export function internals(terminal: AnyTerminal): Internals | null {
  const core = (terminal as { _core?: Partial<Internals> })._core;
  const known =
    core?.buffers?.normal !== undefined &&
    core.coreService?.decPrivateModes !== undefined &&
    core.coreMouseService !== undefined &&
    core._charsetService !== undefined &&
    core._inputHandler?._curAttrData !== undefined &&
    core._inputHandler._parser !== undefined &&
    core._inputHandler._utf8Decoder !== undefined;
  return known ? (core as Internals) : null;
}

/** Return how many cells of a row have a character or a colour, from the left; all of them if that is unknown. */
export function usedLength(line: IBufferLine): number {
  const inner = (line as { _line?: { getNoBgTrimmedLength?(): number } })._line;
  return inner?.getNoBgTrimmedLength?.() ?? line.length;
}
