/** Output of a remote that wants to stop the page. */

import { afterEach, describe, expect, it, vi } from 'vitest';
import { MOST_COMBINING } from '../src/stream/combining';
import { internals, type AnyTerminal } from '../src/stream/internals';
import { LONGEST_LINK, MOST_LINES, MOST_MARKS } from '../src/stream/link_marks';
import { TerminalScreen } from '../src/stream/screen';
import { state, terminal, write } from './support/terminals';

const ROWS = 10;
const COLS = 20;
const CSI = '\x1b[';
const encoder = new TextEncoder();

/** Every sequence that counts, as ECMA-48 and DEC have them. */
const COUNTED: [intermediates: string, finals: string, most: number][] = [
  ['', 'ABEFeLMST', ROWS],
  ['', 'CDa@PXIZ', COLS],
  ['', 'b', ROWS * COLS],
  [' ', '@A', COLS],
  ["'", '}~', COLS]
];
const HUGE = ['999999999', '2147483647', '99999999999999999999', '0000000000000000999999999'];
const ALL_FINALS = Array.from({ length: 0x7e - 0x40 + 1 }, (_, i) => String.fromCharCode(0x40 + i));

function screen(rows = ROWS, cols = COLS): AnyTerminal {
  const target = terminal(rows, cols, 50);
  new TerminalScreen(target);
  return target;
}

/** A screen, and the counts that reached xterm.js. What is too large stops there, as it would stop this test. */
function probed(): { target: AnyTerminal; counts: [id: string, count: number, most: number][] } {
  const target = terminal(ROWS, COLS, 50);
  const counts: [string, number, number][] = [];
  for (const [intermediates, finals, most] of COUNTED) {
    for (const final of finals) {
      target.parser.registerCsiHandler({ intermediates, final }, ([count]) => {
        counts.push([intermediates + final, Number(count), most]);
        return Number(count) > most;
      });
    }
  }
  new TerminalScreen(target);
  return { target, counts };
}

function generator(seed: number): (limit: number) => number {
  return limit => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * limit);
  };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a count', () => {
  it.each(COUNTED)('with "%s" before one of "%s" is at most %d for xterm.js', async (intermediates, finals, most) => {
    const { target, counts } = probed();
    let written = 0;
    for (const final of finals) {
      const end = intermediates + final;
      for (const huge of HUGE) {
        const forms = [
          `${CSI}${huge}${end}`,
          `\x9b${huge}${end}`, // CSI as one character
          `${CSI}${huge};${huge};5${end}`,
          `${CSI}${huge}:${huge}${end}`,
          `${CSI}${huge}${`;${huge}`.repeat(100)}${end}`,
          `${CSI}${huge.slice(0, 3)}\n\0${huge.slice(3)}\b${end}`, // controls within a sequence are executed
          `\x1b]2;title${CSI}${huge}${end}`, // ESC ends the string
          `${CSI}1;2\x1b${CSI}${huge}${end}` // and begins anew
        ];
        for (const form of forms) {
          await write(target, `x${form}`);
          for (const byte of encoder.encode(`漢${form}`)) {
            void write(target, Uint8Array.of(byte));
          }
          written += 2;
        }
      }
    }
    await write(target, '');
    expect(counts.filter(([, count]) => count !== most)).toEqual([]);
    expect(counts).toHaveLength(written);
  });

  it('that is cut off, or is within a string, is none', async () => {
    const { target, counts } = probed();
    const inert = [
      `${CSI}999999999\x18L`,
      `${CSI}999999999\x1aL`,
      `${CSI}<999999999b`,
      `${CSI}99?9999999b`,
      `\x1bP999999999b text \x1b\\`,
      '\x1b_999999999b\x1b\\',
      '\x1b^999999999L\x1b\\',
      '\x1bX999999999L\x1b\\',
      '\x1b]0;[999999999b\x07'
    ];
    for (const text of inert) {
      await write(target, text);
    }
    expect(counts).toEqual([]);
  });

  it('does exactly what it does to xterm.js, where the screen has room for it', async () => {
    const random = generator(11);
    const counted = COUNTED.flatMap(([before, finals]) => Array.from(finals, final => before + final));
    const pick = <T>(of: readonly T[]): T => of[random(of.length)] as T;
    const pieces: (() => string)[] = [
      () => 'abc defgh ijkl'.slice(0, random(14)),
      () => pick(['漢字かな', 'e\u0301', '\r\n', '\n', '\t', '\b', '\x1bM', '\x1bH', '\x1b7', '\x1b8', `${CSI}3g`]),
      () => `${CSI}${random(ROWS) + 1};${random(COLS) + 1}H`,
      () => `${CSI}${random(4) + 1};${random(5) + 5}r`,
      () => `${CSI}${40 + random(8)}m`,
      () => `${CSI}?${pick([6, 7, 45, 1049])}${pick(['h', 'l'])}`,
      () => `x${CSI}${random(ROWS * COLS + 1)}b`
    ];
    for (let round = 0; round < 400; round++) {
      const plain = terminal(ROWS, COLS, 50);
      const limited = screen();
      let text = '';
      for (let i = 0; i < 30; i++) {
        const end = pick(counted.filter(each => each !== 'b'));
        // More than the screen has room for does the same as what it has room for.
        text += random(2) ? pick(pieces)() : `${CSI}${random(3 * COLS)}${end}`;
      }
      await write(plain, text);
      await write(limited, text);
      expect(state(limited), JSON.stringify(text)).toEqual(state(plain));
    }
  });

  it('is no trouble in any sequence, with any prefix and whatever stands before its end', async () => {
    const target = screen();
    let parts = '';
    for (const final of ALL_FINALS) {
      for (const prefix of ['', '?', '>', '=', '<']) {
        for (const intermediates of ['', ' ', '!', '"', '#', '$', '%', "'", '*', '+', ' !']) {
          for (const huge of HUGE) {
            parts += `x${CSI}${prefix}${huge}${intermediates}${final}`;
            parts += `x${CSI}${prefix}2;${huge};${huge}:${huge}${intermediates}${final}`;
          }
        }
      }
    }
    await write(target, `${parts}\x1bcdone`);
    expect(target.buffer.active.getLine(0)?.translateToString(true)).toBe('done');
    expect([target.rows, target.cols]).toEqual([ROWS, COLS]); // CSI 8 ; rows ; cols t is not obeyed
  });

  it('is left out if a later xterm.js hides its parameters', async () => {
    const target = terminal(ROWS, COLS, 50);
    const public_ = new Proxy(target, {
      get: (of, name) => (name === '_core' ? undefined : (Reflect.get(of, name, of) as unknown))
    });
    new TerminalScreen(public_);
    await write(target, `x${CSI}999999999b${CSI}2147483647Ly${CSI}3bz`);
    expect(target.buffer.active.getLine(0)?.translateToString(true)).toBe('xyyyyz');
  });
});

describe('a break', () => {
  const EXPENSIVE = {
    'scrolled lines': `${CSI}10S`,
    'repeated characters': `x${CSI}200b`,
    'erased screens': `${CSI}J`,
    'columns moved': `${CSI}5'}`,
    resets: '\x1bc',
    'a screen of E': '\x1b#8',
    'the other screen': `${CSI}?47h${CSI}?47l`,
    'cursor styles': `${CSI}1 q${CSI}3 q`,
    colours: '\x1b]4;1;#fff\x07',
    titles: '\x1b]2;x\x07'
  };

  /** How often the page gets its turn, if everything takes longer than a frame. */
  async function turns(text: string): Promise<number> {
    const target = screen();
    let now = 0;
    vi.spyOn(Date, 'now').mockImplementation(() => (now += 20));
    const timer = vi.spyOn(globalThis, 'setTimeout');
    await write(target, text);
    const count = timer.mock.calls.length;
    vi.restoreAllMocks();
    return count;
  }

  it.each(Object.entries(EXPENSIVE))('comes amid %s', async (_, text) => {
    expect(await turns(text.repeat(4096 / text.length))).toBeGreaterThan(1);
  });

  it('does not come amid plain output, and leaves nothing behind', async () => {
    expect(await turns(`${CSI}31mline${CSI}0m${CSI}K${CSI}?25l${CSI}?25h\r\n`.repeat(200))).toBe(1);
    const expensive = Object.values(EXPENSIVE).slice(0, 4).join('abc').repeat(50);
    const [plain, limited] = [terminal(ROWS, COLS, 50), screen()];
    await write(plain, expensive);
    await write(limited, expensive);
    expect(state(limited)).toEqual(state(plain));
  });
});

describe('links', () => {
  const link = (number: number): string => `\x1b]8;;http://host/${number}\x1b\\x\x1b]8;;\x1b\\\r`;
  const marks = (target: AnyTerminal): number =>
    (target as unknown as { _core: { buffers: { normal: { markers: unknown[] } } } })._core.buffers.normal.markers
      .length;
  const address = (target: AnyTerminal, row: number): string | undefined => {
    const cell = target.buffer.active.getLine(row)?.getCell(0) as unknown as { extended: { urlId: number } };
    return internals(target)?._oscLinkService?.getLinkData(cell.extended.urlId)?.uri;
  };

  it('are counted: the newest ones can be opened', async () => {
    const target = screen();
    for (let number = 0; number < 3 * MOST_MARKS; number++) {
      await write(target, link(number));
    }
    expect(marks(target)).toBe(MOST_MARKS);
    expect(address(target, 0)).toBe(`http://host/${3 * MOST_MARKS - 1}`);
  });

  it('may be long', async () => {
    const target = screen();
    await write(target, '\x1b]8;id=1;http://host/\x1b\\');
    await write(target, 'x\r\n'.repeat(50));
    expect(marks(target)).toBe(MOST_LINES);
    expect(address(target, 0)).toBe('http://host/');
    expect(address(target, 49)).toBe('http://host/');
    await write(target, '\x1b]8;id=1;http://host/\x1b\\again');
    expect(marks(target)).toBe(MOST_LINES);
  });

  it('that are too long are none, and end the one before', async () => {
    const target = screen();
    await write(target, '\x1b]8;;http://host/\x1b\\a\r\n');
    await write(target, `\x1b]8;;http://host/${'x'.repeat(LONGEST_LINK)}\x1b\\b`);
    expect(address(target, 0)).toBe('http://host/');
    expect(address(target, 1)).toBeUndefined();
  });
});

describe('combining characters', () => {
  const first = (target: AnyTerminal): string => target.buffer.active.getLine(0)?.getCell(0)?.getChars() ?? '';
  const most = 'a' + '\u0301'.repeat(MOST_COMBINING);

  it('stand on a character as many as a text may have', async () => {
    const target = screen();
    await write(target, `a${'\u0301'.repeat(100_000)}b`);
    expect(first(target)).toBe(most);
    expect(target.buffer.active.getLine(0)?.translateToString(true)).toBe(`${most}b`);
  });

  it('are counted over pieces of output', async () => {
    const target = screen();
    await write(target, 'a');
    for (const byte of encoder.encode('\u0301'.repeat(200))) {
      void write(target, Uint8Array.of(byte));
    }
    await write(target, 'b\u0301');
    expect(target.buffer.active.getLine(0)?.translateToString(true)).toBe(`${most}b\u0301`);
  });

  it('of real text all stay', async () => {
    const text = ['e\u0301'.repeat(15), 'ก็ที่นี่', '\u{1f469}\u200d\u{1f4bb}', 'x\r\n\u0301y', '漢\u0301字'].join('\r\n');
    const [plain, limited] = [terminal(ROWS, COLS, 50), screen()];
    await write(plain, text);
    await write(limited, text);
    expect(state(limited)).toEqual(state(plain));
  });
});

describe('a long string', () => {
  interface Handler {
    onTitleChange(listener: (title: string) => void): void;
    onColor(listener: (colour: unknown) => void): void;
  }

  it('is no title, and no list of colours', async () => {
    const target = screen();
    const titles: string[] = [];
    const colours: unknown[] = [];
    const { _inputHandler: handler } = (target as unknown as { _core: { _inputHandler: Handler } })._core;
    handler.onTitleChange(title => titles.push(title));
    handler.onColor(colour => colours.push(colour));
    await write(target, `\x1b]2;${'x'.repeat(100_000)}\x07\x1b]4${';1;#abcdef'.repeat(10_000)}\x07`);
    await write(target, '\x1b]0;short\x07\x1b]4;1;#abcdef;2;#123456\x07');
    expect(titles).toEqual(['short']);
    expect(colours).toHaveLength(1);
  });
});
