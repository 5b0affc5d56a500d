import { describe, expect, it } from 'vitest';
import type { AnyTerminal } from '../src/stream/internals';
import { snapshotInSteps } from '../src/stream/snapshot';
import { state, terminal, write } from './support/terminals';

const CSI = '\x1b[';

function snapshot(of: AnyTerminal): string {
  const steps = snapshotInSteps(of);
  for (;;) {
    const { done, value } = steps.next();
    if (done) {
      return value;
    }
  }
}

async function roundTrip(text: string | string[], rows = 10, cols = 20): Promise<void> {
  const original = terminal(rows, cols, 50);
  for (const part of [text].flat()) {
    await write(original, part);
  }
  const copy = terminal(rows, cols, 50);
  await write(copy, snapshot(original));
  expect(state(copy)).toEqual(state(original));
}

const SCREENS: Record<string, string> = {
  nothing: '',
  text: 'hello\r\nworld',
  'scroll-back': Array.from({ length: 40 }, (_, i) => `line ${i}`).join('\r\n'),
  'more than the scroll-back holds': Array.from({ length: 90 }, (_, i) => `line ${i}`).join('\r\n'),
  'wrapped lines': 'a'.repeat(45) + '\r\n' + 'b'.repeat(20),
  'a cursor about to wrap': 'c'.repeat(20),
  'a wide character about to wrap': 'c'.repeat(18) + '漢',
  'wide characters that wrap': '漢'.repeat(23) + 'x漢字'.repeat(9),
  combining: 'e\u0301e\u0301 \u{1f44d}\u{1f3fd}',
  colours: `${CSI}31mred${CSI}1;44mbold on blue${CSI}0;38;5;200mpalette${CSI}48;2;1;2;3mrgb${CSI}0m plain`,
  'all flags': [1, 2, 3, 4, 5, 7, 8, 9, 53].map(flag => `${CSI}${flag}mx${CSI}0m`).join(''),
  'underline styles': `${CSI}4:3;58;5;9mcurly${CSI}4:2;58:2::1:2:3mdouble${CSI}0m`,
  'attributes of what comes': `x${CSI}1;3;35;46m`,
  'erased with a colour': `${CSI}44m${CSI}2J${CSI}3;3H${CSI}0m${CSI}Kx`,
  'erased in the middle': `${CSI}41mabcdefgh${CSI}3G${CSI}3X${CSI}m`,
  'coloured wrap at the bottom': `${CSI}10;1H${CSI}42m${'z'.repeat(25)}${CSI}m`,
  'coloured line feeds': `${CSI}10;1H${CSI}42mab\n\ncd`,
  'a scroll region': `${CSI}3;7r${CSI}5;5Hhere`,
  'origin mode': `${CSI}3;7r${CSI}?6h${CSI}2;2Hhere`,
  'a saved cursor': `${CSI}4;6H${CSI}33m\x1b7${CSI}m${CSI}1;1Hx`,
  modes: `${CSI}?1h${CSI}?66h${CSI}?2004h${CSI}4h${CSI}?45h${CSI}?1004h${CSI}?7l${CSI}?1002h${CSI}?1006h${CSI}?25l`,
  'the alternate screen': `shell$ vim${CSI}?1049h${CSI}H${CSI}2Jfull${CSI}10;1Hscreen${CSI}2;9r${CSI}?1h${CSI}5;5H`,
  'the alternate screen, coloured': `${CSI}31mshell$ ${CSI}45m${CSI}?1049h${CSI}?25l${CSI}H${CSI}44m${CSI}2Jx`,
  'the alternate screen without a saved cursor': `shell$ ${CSI}?47hfull`,
  'line drawing': `\x1b(0lqqk`,
  'line drawing in G1': `\x1b)0abc\x0eqq`,
  'tab stops': `${CSI}3g${CSI}5G\x1bH${CSI}1G`,
  'a cursor of a program': `${CSI}5 q`,
  'a link': `\x1b]8;id=1;https://example.org/\x1b\\link\x1b]8;;\x1b\\ after`,
  'spaces and holes': `${CSI}5Gx${CSI}10Gy   `,
  'wrapped and then cut': `${'d'.repeat(30)}${CSI}A${CSI}20G${CSI}K`
};

describe('a snapshot', () => {
  it.each(Object.entries(SCREENS))('keeps %s', async (_, text) => {
    await roundTrip(text);
  });

  it('lets the session go on as it would have', async () => {
    for (const [name, text] of Object.entries(SCREENS)) {
      const original = terminal(10, 20, 50);
      const copy = terminal(10, 20, 50);
      await write(original, text);
      await write(copy, snapshot(original));
      const more = `more\r\n\ttext漢\x1b8saved\n\n\n\n\n${CSI}?1049l after\r\n${CSI}m${CSI}K`;
      await write(original, more);
      await write(copy, more);
      expect(state(copy), name).toEqual(state(original));
    }
  });

  it('keeps what anything leaves behind', async () => {
    let seed = 7;
    const random = (limit: number): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return Math.floor((seed / 2147483648) * limit);
    };
    const pieces: (() => string)[] = [
      () => 'abc defgh ijkl'.slice(0, random(14)),
      () => '漢字かな'.slice(0, random(4)),
      () => 'e\u0301',
      () => '\r\n',
      () => '\n',
      () => '\t',
      () => '\b',
      () => `${CSI}${random(10) + 1};${random(20) + 1}H`,
      () => `${CSI}${random(3)}J`,
      () => `${CSI}${random(3)}K`,
      () => `${CSI}${random(5)}${'ABCDEFGLMPSTX@b'[random(15)] ?? 'A'}`,
      () => `${CSI}${[0, 1, 2, 3, 4, 7, 9][random(7)] ?? 0};${30 + random(8)};${40 + random(10)}m`,
      () => `${CSI}m`,
      () => `${CSI}${random(4) + 1};${random(5) + 5}r`,
      () => `${CSI}r`,
      () => `\x1b${'78M'[random(3)] ?? '7'}`,
      () => `${CSI}?${[1, 6, 7, 25, 1002, 1006, 2004, 1049, 45][random(9)] ?? 1}${'hl'[random(2)] ?? 'h'}`,
      () => `${CSI}4${'hl'[random(2)] ?? 'h'}`,
      () => 'x'.repeat(random(50))
    ];
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: 5 + random(40) }, () => (pieces[random(pieces.length)] as () => string)()).join(
        ''
      );
      const original = terminal(10, 20, 50);
      const copy = terminal(10, 20, 50);
      await write(original, text);
      const taken = snapshot(original);
      await write(copy, taken);
      expect(state(copy), JSON.stringify([text, taken])).toEqual(state(original));
    }
  });
});
