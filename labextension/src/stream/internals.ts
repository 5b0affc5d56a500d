/**
 * What xterm.js keeps private and a snapshot needs. Everything else uses its public interface. Where a later xterm.js
 * has it no more, `internals` gives null and snapshots carry what the public interface knows.
 */

import type { IBuffer, IBufferCell, IBufferLine, Terminal } from '@xterm/xterm';

/** Attributes of a cell or of what is written next. */
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

/** The private parts, or null where they are not what we know. */
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

/** How many cells of a row have a character or a colour, from the left; all of them where that is not known. */
export function usedLength(line: IBufferLine): number {
  const inner = (line as { _line?: { getNoBgTrimmedLength?(): number } })._line;
  return inner?.getNoBgTrimmedLength?.() ?? line.length;
}
