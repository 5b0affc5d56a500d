/**
 * A buffer as text that draws the same cells. Unlike @xterm/addon-serialize it keeps underline styles, links, erased
 * cells with a colour and a cursor beyond the last column.
 */

import { usedLength, type AnyTerminal, type Attributes, type IBuffer, type Internals } from './internals';

const ESC = '\x1b';
const CSI = `${ESC}[`;
/** A flag in the attributes' word for the foreground. */
const UNDERLINE = 0x10000000;

type Flag =
  'isBold' | 'isDim' | 'isItalic' | 'isBlink' | 'isInverse' | 'isInvisible' | 'isStrikethrough' | 'isOverline';
const FLAGS: [Flag, number][] = [
  ['isBold', 1],
  ['isDim', 2],
  ['isItalic', 3],
  ['isBlink', 5],
  ['isInverse', 7],
  ['isInvisible', 8],
  ['isStrikethrough', 9],
  ['isOverline', 53]
];

function colour(value: number, isRGB: boolean, base: number, bright: number): string {
  if (isRGB) {
    return `${base + 8};2;${(value >>> 16) & 255};${(value >>> 8) & 255};${value & 255}`;
  }
  return value < 16 && base !== 50 ? `${value & 8 ? bright + (value & 7) : base + value}` : `${base + 8};5;${value}`;
}

/** Return the SGR sequence that sets these attributes and no others. */
export function sgr(cell: Attributes): string {
  const parts: (string | number)[] = [''];
  for (const [flag, number] of FLAGS) {
    if (cell[flag]()) {
      parts.push(number);
    }
  }
  // A link is drawn dashed and reports that it is underlined: only the flag says whether it really is.
  const isLink = Boolean(cell.extended?.urlId);
  if (isLink ? cell.fg & UNDERLINE : cell.isUnderline()) {
    const style = isLink ? 1 : (cell.getUnderlineStyle?.() ?? 1);
    parts.push(style > 1 ? `4:${style}` : 4);
    if (cell.isUnderlineColorRGB?.() || cell.isUnderlineColorPalette?.()) {
      parts.push(colour(cell.getUnderlineColor?.() ?? 0, Boolean(cell.isUnderlineColorRGB?.()), 50, 50));
    }
  }
  if (cell.isFgRGB() || cell.isFgPalette()) {
    parts.push(colour(cell.getFgColor(), cell.isFgRGB(), 30, 90));
  }
  if (cell.isBgRGB() || cell.isBgPalette()) {
    parts.push(colour(cell.getBgColor(), cell.isBgRGB(), 40, 100));
  }
  return `${CSI}${parts.join(';')}m`;
}

/** Return the part of a cell's attributes that its two words do not hold. */
function extension(cell: Attributes): number {
  return cell.hasExtendedAttrs?.() && cell.extended ? cell.extended.ext : 0;
}

const UNKNOWN = -1;
/** How many rows are drawn in a step. */
const STEP = 100;

/** Draws rows of a buffer one after the other. */
export class Painter {
  private out: string[] = [];
  /** The current attributes: the words of the foreground and the background, and the extension. */
  private fg = 0;
  private bg = 0;
  private ext = 0;
  private hasBackground = false;
  private link = 0;

  constructor(
    private readonly terminal: AnyTerminal,
    private readonly inner: Internals | null
  ) {}

  /**
   * Draw all rows of `buffer`, the scroll-back first, a step at a time. The terminal must be empty and the cursor at
   * its top left.
   */
  *paint(buffer: IBuffer): Generator<undefined, string> {
    this.out = [];
    let isDirty = false; // whether the row may have cells with the background of earlier text
    for (let row = 0; row < buffer.length; row++) {
      if (row > 0) {
        const wraps = this.wraps(buffer, row);
        if (wraps) {
          isDirty = this.hasBackground;
        } else {
          this.plain();
          this.out.push('\r\n');
          isDirty = false;
        }
      }
      this.row(buffer, row, isDirty);
      if (row % STEP === STEP - 1) {
        yield;
      }
    }
    this.plain();
    return this.out.join('');
  }

  /** Draw the last cell of the row again, so that the cursor is behind it, about to wrap. */
  lastCell(buffer: IBuffer, row: number): string {
    const line = buffer.getLine(row);
    let column = this.terminal.cols - 1;
    if (line?.getCell(column)?.getWidth() === 0) {
      column -= 1;
    }
    const cell = line?.getCell(column);
    if (cell === undefined) {
      return '';
    }
    return `${CSI}${column + 1}G${sgr(cell as unknown as Attributes)}${cell.getChars() || ' '}`;
  }

  /** Return the sequences that make `attributes` those of what is written next. */
  attributes(attributes: Attributes): string {
    return this.linkChange(attributes) + sgr(attributes);
  }

  /** Return whether writing the row's first cell after the last one of the previous row wraps by itself. */
  private wraps(buffer: IBuffer, row: number): boolean {
    const line = buffer.getLine(row);
    const before = buffer.getLine(row - 1);
    if (!line?.isWrapped || !before) {
      return false;
    }
    const first = line.getCell(0);
    const last = before.getCell(this.terminal.cols - 1);
    if (!first?.getChars() || !last) {
      return false;
    }
    return last.getChars() !== '' || last.getWidth() === 0;
  }

  private row(buffer: IBuffer, row: number, isDirty: boolean): void {
    const line = buffer.getLine(row);
    if (line === undefined) {
      return;
    }
    const cell = buffer.getNullCell();
    const attributes = cell as unknown as Attributes;
    let text = ''; // with the same attributes, not pushed yet
    const flush = (): void => {
      if (text !== '') {
        this.out.push(text);
        text = '';
      }
    };
    let empty = 0;
    let emptyKey = 0;
    let emptyBackground = '';
    const erase = (isLast: boolean): void => {
      if (empty > 0) {
        const isPlain = emptyKey === 0;
        if (!isPlain || isDirty) {
          this.closeLink();
          this.out.push(`${CSI}m${emptyBackground}${CSI}${empty}X`);
          this.fg = UNKNOWN;
          this.hasBackground = !isPlain;
        }
        if (!isLast) {
          this.out.push(`${CSI}${empty}C`);
        }
      }
      empty = 0;
    };
    // Beyond its last character and its last colour a row has nothing to draw, except over earlier text.
    const end = isDirty ? line.length : usedLength(line);
    for (let column = 0; column < end; column++) {
      line.getCell(column, cell);
      if (cell.getWidth() === 0) {
        continue;
      }
      const chars = cell.getChars();
      if (chars === '') {
        const background = attributes.bg & 0x3ffffff;
        flush();
        if (empty > 0 && background !== emptyKey) {
          erase(false);
        }
        if (empty === 0) {
          emptyKey = background;
          emptyBackground =
            cell.isBgRGB() || cell.isBgPalette() ? `${CSI}${colour(cell.getBgColor(), cell.isBgRGB(), 40, 100)}m` : '';
        }
        empty += 1;
        continue;
      }
      if (empty > 0) {
        erase(false);
      }
      if (!this.isInForce(attributes)) {
        flush();
        this.style(attributes);
      }
      text += chars;
    }
    flush();
    erase(true);
  }

  private isInForce(attributes: Attributes): boolean {
    return attributes.fg === this.fg && attributes.bg === this.bg && extension(attributes) === this.ext;
  }

  private style(attributes: Attributes): void {
    this.fg = attributes.fg;
    this.bg = attributes.bg;
    this.ext = extension(attributes);
    this.hasBackground = attributes.isBgRGB() || attributes.isBgPalette();
    this.out.push(this.linkChange(attributes), sgr(attributes));
  }

  private plain(): void {
    this.closeLink();
    if (this.fg !== 0 || this.bg !== 0 || this.ext !== 0) {
      this.out.push(`${CSI}m`);
      this.fg = this.bg = this.ext = 0;
      this.hasBackground = false;
    }
  }

  private linkChange(attributes: Attributes): string {
    const link = attributes.hasExtendedAttrs?.() ? (attributes.extended?.urlId ?? 0) : 0;
    if (link === this.link) {
      return '';
    }
    this.link = link;
    const data = link === 0 ? undefined : this.inner?._oscLinkService?.getLinkData(link);
    if (data === undefined) {
      return `${ESC}]8;;${ESC}\\`;
    }
    return `${ESC}]8;${data.id === undefined ? '' : `id=${data.id}`};${data.uri}${ESC}\\`;
  }

  private closeLink(): void {
    if (this.link !== 0) {
      this.link = 0;
      this.out.push(`${ESC}]8;;${ESC}\\`);
    }
  }
}
