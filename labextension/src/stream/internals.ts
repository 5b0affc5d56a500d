/**
 * The private parts of xterm.js that a snapshot and the limits of output need. Everything else uses its public interface.
 * If a later xterm.js does not have them, `internals` returns null and what the public interface provides has to do.
 */

import type { IBuffer, IBufferCell, IBufferLine, IFunctionIdentifier, Terminal } from '@xterm/xterm';

export type { IFunctionIdentifier as SequenceIdentity } from '@xterm/xterm';

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

/** The parameters of a sequence: not a copy, as the public interface has it, but what the other handlers get too. */
export interface Parameters {
  readonly params: Int32Array;
}

interface Link {
  uri: string;
  id?: string;
}

/** A line of the buffer on which a link stands. */
export interface LinkMark {
  dispose(): void;
}

interface LinkService {
  getLinkData(link: number): Link | undefined;
  registerLink(data: Link): number;
  addLineToLink(link: number, row: number): void;
  readonly _dataByLinkId: Map<number, { lines: LinkMark[] }>;
}

export interface Internals {
  registerCsiHandler(id: IFunctionIdentifier, handler: (parameters: Parameters) => boolean): unknown;
  buffers: { normal: InnerBuffer; alt: InnerBuffer };
  coreService: {
    isCursorHidden: boolean;
    /** Is called before the data of what the person typed, pasted or did with the mouse. */
    onUserInput?(listener: () => void): unknown;
    decPrivateModes: Record<string, boolean>;
  };
  coreMouseService: { activeEncoding: string };
  _charsetService: { glevel: number; charset: Charset; _charsets: Charset[] };
  _inputHandler: {
    _curAttrData: Attributes;
    setHyperlink?(data: string): boolean;
    print?(data: Uint32Array, start: number, end: number): void;
    _parser: { currentState: number; precedingJoinState?: number };
    _utf8Decoder: { interim: Uint8Array };
  };
  _oscLinkService?: LinkService;
  unicodeService?: { wcwidth(code: number): number };
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
    typeof core.registerCsiHandler === 'function' &&
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
