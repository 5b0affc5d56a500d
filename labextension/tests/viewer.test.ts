/** A viewer against a kernel made of a few lines, on a terminal without a page. */

import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Stream } from '../src/connection/service';
import type { DataFrame } from '../src/protocol/frames';
import type { Attached, Description, OfStream } from '../src/services/terminals/messages';
import type { Flood } from '../src/stream/flood';
import type { AnyTerminal } from '../src/stream/internals';
import { guardQueries } from '../src/stream/queries';
import { TerminalScreen } from '../src/stream/screen';
import { amount, Viewer } from '../src/stream/viewer';
import { ManualClock } from './support/clock';
import { state, terminal, write } from './support/terminals';
import { trans } from './support/texts';

const encoder = new TextEncoder();
const description: Description = {
  session: 's',
  host: 'demo',
  name: 'me@demo',
  command: null,
  title: '',
  state: 'open',
  text: '',
  exit_status: null,
  exit_signal: null,
  created: 0,
  rows: 10,
  cols: 20,
  viewers: 1,
  wanted: false,
  reconnect: false
};

type Frame<V extends keyof OfStream = keyof OfStream> = { type: V } & OfStream[V];

class Kernel {
  readonly sessions = new Map([['s', description]]);
  control: Frame[] = [];
  data: DataFrame[] = [];
  openStream(): Stream {
    return {
      number: 7,
      send: (offset, bytes) => this.data.push({ stream: 7, offset, bytes: bytes.slice() }),
      close: () => this.control.push({ type: 'detach', stream: 7 })
    };
  }
  sendOf<V extends keyof OfStream>(stream: Stream, verb: V, members: Omit<OfStream[V], 'stream'>): void {
    this.control.push({ type: verb, stream: stream.number, ...members });
  }
  /** The frames of a verb, and forget them. */
  take<V extends keyof OfStream>(verb: V): Frame<V>[] {
    const found = this.control.filter(frame => frame.type === verb);
    this.control = this.control.filter(frame => frame.type !== verb);
    return found as Frame<V>[];
  }
  typed(): string {
    return this.data.map(({ bytes }) => new TextDecoder().decode(bytes)).join('');
  }
}

describe('a viewer', () => {
  let kernel: Kernel;
  let target: AnyTerminal;
  let viewer: Viewer;
  let clock: ManualClock;
  let events: string[];
  let answered: string[];

  const attached = (members: Partial<Attached> = {}): void =>
    viewer.onAttached({
      stream: 7,
      session: 's',
      description,
      from: 0,
      snapshot: null,
      sizes: [[0, 10, 20]],
      live: 0,
      cut: false,
      input: 0,
      lead: true,
      ...members
    });
  const output = (offset: number, text: string): void => viewer.onOutput(offset, encoder.encode(text));
  /** More output than is drawn at once; returns it. */
  const flooded = (): string => {
    const flood = 'y\r\n'.repeat(100_000);
    for (let offset = 0; offset < flood.length; offset += 60_000) {
      output(offset, flood.slice(offset, offset + 60_000));
    }
    return flood;
  };
  /** Answer the one skip that was sent; returns from where on the page has thrown away, at most up to `came`. */
  const skipped = (to: number, came = to): number => {
    const skips = kernel.take('skip');
    expect(skips).toHaveLength(1);
    const from = skips[0]?.offset ?? NaN;
    expect(from).toBeLessThanOrEqual(came);
    viewer.onSkipped({ stream: 7, from, to });
    return from;
  };
  const drawn = (): Promise<void> => write(target, '');
  const screen = async (): Promise<string> => {
    for (let round = 0; round < 5; round++) {
      await drawn();
    }
    const lines = [];
    for (let y = 0; y < target.buffer.active.length; y++) {
      lines.push(target.buffer.active.getLine(y)?.translateToString(true) ?? '');
    }
    return lines.join('\n').trimEnd();
  };

  beforeEach(() => {
    kernel = new Kernel();
    target = terminal(10, 20);
    clock = new ManualClock();
    events = [];
    answered = [];
    viewer = new Viewer(
      's',
      kernel,
      new TerminalScreen(target),
      {
        changed: () => events.push('changed'),
        gone: () => events.push('gone'),
        drawn: () => events.push('drawn'),
        trouble: text => events.push(text)
      },
      trans,
      clock
    );
    guardQueries(target, () => viewer.answers);
    (target as unknown as { onData(callback: (data: string) => void): void }).onData(data => answered.push(data));
  });

  it('attaches without changing the size of the session', () => {
    viewer.connected();
    expect(kernel.take('attach')).toMatchObject([{ have: null, typed: 0, rows: 10, cols: 20, visible: false }]);
  });

  it('tells of a size that changed while the kernel had not answered', () => {
    viewer.show(30, 120, true);
    viewer.connected();
    viewer.show(30, 60, true);
    expect(kernel.take('size')).toEqual([]);
    attached();
    expect(kernel.take('size')).toMatchObject([{ rows: 30, cols: 60, visible: true }]);
    viewer.disconnected();
    viewer.connected();
    attached();
    expect(kernel.take('size')).toEqual([]);
  });

  it('draws output in its order, drops what came twice and acknowledges what is drawn', async () => {
    viewer.connected();
    attached();
    output(0, 'hello ');
    output(3, 'lo world');
    expect(await screen()).toBe('hello world');
    expect(kernel.take('ack').pop()).toMatchObject({ offset: 11 });
  });

  it('attaches anew where output is missing', () => {
    viewer.connected();
    attached();
    kernel.control = [];
    output(5, 'x');
    expect(kernel.control).toMatchObject([{ type: 'detach' }, { type: 'attach', have: null }]);
  });

  it('goes on where it was after a loss', async () => {
    viewer.connected();
    attached();
    output(0, 'one ');
    await screen();
    viewer.disconnected();
    output(4, 'lost with the connection');
    viewer.connected();
    expect(kernel.take('attach').pop()).toMatchObject({ have: 4 });
    attached({ from: 4, live: 7 });
    output(4, 'two');
    expect(await screen()).toBe('one two');
  });

  it('begins anew from a snapshot, at its size', async () => {
    viewer.connected();
    attached();
    output(0, 'old');
    await screen();
    attached({
      from: 100,
      live: 104,
      snapshot: { offset: 100, rows: 5, cols: 30, text: 'shot' },
      sizes: [[100, 5, 30]]
    });
    output(100, ' new');
    expect(await screen()).toBe('shot new');
    expect([target.rows, target.cols]).toEqual([5, 30]);
  });

  it('changes the size between the bytes where it changed', async () => {
    viewer.connected();
    attached({
      sizes: [
        [0, 10, 20],
        [25, 10, 40]
      ],
      live: 50
    });
    output(0, 'a'.repeat(25) + '\r\n' + 'b'.repeat(23));
    await screen();
    const plain = terminal(10, 20);
    await write(plain, 'a'.repeat(25));
    plain.resize(40, 10);
    await write(plain, '\r\n' + 'b'.repeat(23));
    expect(state(target)).toEqual(state(plain));
  });

  it('keeps queries from the terminal while old output is drawn, and where another viewer answers', async () => {
    viewer.connected();
    attached({ live: 4 });
    output(0, '\x1b[0c');
    output(4, '\x1b[0c');
    await screen();
    expect(answered).toHaveLength(1);
    viewer.onLead({ stream: 7, lead: false });
    output(8, '\x1b[6n\x1b]10;?\x07\x1bP$qm\x1b\\\x1b[?1$p');
    await screen();
    expect(answered).toHaveLength(1);
    expect(events).toContain('drawn');
  });

  it('sends what was typed once, also over a loss', () => {
    viewer.type(encoder.encode('before '));
    viewer.connected();
    attached();
    viewer.type(encoder.encode('and after'));
    expect(kernel.typed()).toBe('before and after');
    viewer.onInput({ stream: 7, offset: 7 });
    viewer.disconnected();
    kernel.data = [];
    viewer.type(encoder.encode('!'));
    viewer.connected();
    expect(kernel.take('attach').pop()).toMatchObject({ typed: 7 });
    attached({ input: 11 });
    expect(kernel.data[0]?.offset).toBe(11);
    expect(kernel.typed()).toBe('after!');
  });

  it('answers a remote that only asks until it has read the answers', () => {
    viewer.connected();
    attached();
    const answer = encoder.encode('\x1b[?1;2c');
    for (let i = 0; i < 100_000; i++) {
      viewer.answer(answer);
    }
    const sent = kernel.typed().length;
    expect(sent).toBeGreaterThan(10_000);
    expect(sent).toBeLessThanOrEqual(16 * 1024);
    viewer.type(encoder.encode('typed'));
    expect(kernel.typed().slice(sent)).toBe('typed');
    viewer.onInput({ stream: 7, offset: sent + 5 });
    viewer.answer(answer);
    expect(kernel.typed().slice(sent + 5)).toBe('\x1b[?1;2c');
  });

  it('takes no answer for the person: Ctrl-C keeps throwing away a flood with queries in it', () => {
    viewer.connected();
    attached();
    const flood = flooded();
    viewer.type(Uint8Array.of(3));
    skipped(flood.length);
    viewer.answer(encoder.encode('\x1b[?1;2c'));
    output(flood.length, 'y\r\n'.repeat(100_000));
    expect(kernel.take('skip')).toHaveLength(1);
  });

  it('draws expensive output seldom, however little it is', async () => {
    viewer.connected();
    attached();
    output(0, 'x\x1b[J'.repeat(20));
    const level = vi.spyOn((viewer as unknown as { flood: Flood }).flood, 'level'); // what holds the drawing back
    await screen();
    expect(level).not.toHaveBeenCalledWith(Infinity, false);
    output(80, '\x1bc'.repeat(1000));
    await screen();
    expect(level).toHaveBeenCalledWith(Infinity, false);
    expect(level).toHaveBeenLastCalledWith(0, false);
  });

  it('tells the kernel the newest of many titles', () => {
    viewer.connected();
    attached();
    for (let i = 0; i < 1000; i++) {
      viewer.title(`title ${i}`);
    }
    clock.advance(1000);
    viewer.title('x'.repeat(1000));
    clock.advance(1000);
    const titles = kernel.take('title').map(({ title }) => title);
    expect(titles).toEqual(['title 0', 'title 999', 'x'.repeat(200)]);
  });

  it('sends no more than a mebibyte ahead, in pieces of 64 KiB', () => {
    viewer.connected();
    attached();
    viewer.type(new Uint8Array(3 * 1024 * 1024));
    const sent = (): number => kernel.data.reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(sent()).toBe(1024 * 1024);
    expect(Math.max(...kernel.data.map(({ bytes }) => bytes.length))).toBe(65536);
    viewer.onInput({ stream: 7, offset: 65536 });
    expect(sent()).toBe(1024 * 1024 + 65536);
  });

  it('sends again from the last confirmed byte where the kernel misses some', () => {
    viewer.connected();
    attached();
    viewer.type(encoder.encode('abc'));
    kernel.data = [];
    viewer.failed('bad-offset', '');
    expect(kernel.typed()).toBe('abc');
  });

  it('throws away a flood at Ctrl-C, and says how much', async () => {
    viewer.connected();
    attached();
    const flood = flooded();
    viewer.type(Uint8Array.of(3));
    const from = skipped(1_000_000, flood.length);
    expect(from).toBeLessThan(flood.length);
    output(1_000_000, '$ ');
    const found = await screen();
    expect(found).toMatch(/\[\d+ KiB not shown\]\n\$$/);
    expect(found.split('\n').length).toBeLessThan(100_000);
    expect(kernel.take('ack').pop()).toMatchObject({ offset: 1_000_002 });
  });

  it('draws what comes again of what it threw away, and heeds the answer to its own skip only', async () => {
    viewer.connected();
    attached();
    const flood = flooded();
    viewer.type(Uint8Array.of(3));
    output(flood.length, '$ ');
    viewer.onSkipped({ stream: 7, from: flood.length, to: flood.length + 2 });
    skipped(flood.length - 3);
    output(flood.length - 3, 'z\r\n$ ');
    expect(await screen()).toMatch(/not shown\]\nz\n\$$/);
    expect(kernel.take('ack').pop()).toMatchObject({ offset: flood.length + 2 });
    expect(kernel.take('detach')).toEqual([]);
  });

  it('begins with the screen that it was given, also where it skips before that is drawn', async () => {
    viewer.connected();
    attached();
    for (let offset = 0; offset < 240_000; offset += 60_000) {
      output(offset, 'x'.repeat(60_000));
    }
    attached({ from: 500_000, live: 500_000, snapshot: { offset: 500_000, rows: 10, cols: 20, text: 'given' } });
    output(500_000, 'y\r\n'.repeat(20_000));
    output(560_000, 'y\r\n'.repeat(20_000));
    viewer.type(Uint8Array.of(3));
    skipped(900_000);
    output(900_000, '$ ');
    expect(await screen()).toMatch(/^given\n\[\d+ KiB not shown\]\n\$$/);
  });

  it('throws away what goes on coming after Ctrl-C, until another key', async () => {
    viewer.connected();
    attached();
    const flood = 'y\r\n'.repeat(20_000);
    const pour = (offset: number): void => {
      output(offset, flood);
      output(offset + 60_000, flood);
    };
    viewer.type(Uint8Array.of(3));
    expect(kernel.take('skip')).toEqual([]); // nothing of it was here yet
    pour(0);
    skipped(200_000);
    pour(200_000);
    skipped(400_000);
    await screen();
    viewer.type(encoder.encode('\r'));
    pour(400_000);
    expect(kernel.take('skip')).toEqual([]);
    viewer.type(Uint8Array.of(3));
    skipped(600_000);
    clock.advance(10_000);
    pour(600_000);
    expect(kernel.take('skip')).toEqual([]);
  });

  it('skips nothing on the alternate screen, and nothing of a little', async () => {
    viewer.connected();
    attached();
    output(0, 'x'.repeat(60_000));
    viewer.type(Uint8Array.of(3));
    await screen();
    output(60_000, '\x1b[?1049h');
    await screen();
    for (let offset = 60_008; offset < 460_008; offset += 50_000) {
      output(offset, 'x'.repeat(50_000));
    }
    viewer.type(Uint8Array.of(3));
    expect(kernel.take('skip')).toEqual([]);
  });

  it('hands in no snapshot in a flood nor right after it, whose screen the ring keeps, but once it is quiet', async () => {
    viewer.connected();
    attached();
    const flood = 'y\r\n'.repeat(20_000);
    const pour = async (count: number, from: number): Promise<void> => {
      for (let number = 0; number < count; number++) {
        output(from + number * flood.length, flood);
      }
      while (viewer.parsed < from + count * flood.length) {
        await drawn();
      }
    };
    await pour(40, 0);
    clock.advance(100); // the pipe was empty for a moment
    await pour(1, 40 * flood.length);
    expect(kernel.take('snapshot')).toEqual([]);
    clock.advance(2_000);
    expect(kernel.take('snapshot')).toMatchObject([{ offset: 41 * flood.length }]);
  });

  it('hands in a snapshot when it is quiet, and when it hides, of whole characters only', async () => {
    viewer.connected();
    viewer.show(10, 20, true);
    attached();
    output(0, 'quiet');
    await screen();
    expect(kernel.take('snapshot')).toEqual([]);
    clock.advance(1000);
    expect(kernel.take('snapshot')).toMatchObject([{ offset: 5, rows: 10, cols: 20 }]);
    viewer.onOutput(5, Uint8Array.of(0xe6, 0xbc));
    await screen();
    viewer.show(10, 20, false);
    expect(kernel.take('snapshot')).toEqual([]);
    viewer.onOutput(7, Uint8Array.of(0xa2));
    await screen();
    viewer.dispose();
    expect(kernel.take('snapshot')).toMatchObject([{ offset: 8 }]);
    expect(kernel.take('detach')).toHaveLength(1);
  });

  describe('with a long screen to write down', () => {
    /** Each step of a snapshot takes longer than a slice may. */
    const slow = (): void => {
      clock.now = () => (clock.time += 10);
    };
    const long = Array.from({ length: 900 }, (_, number) => `line ${number}`).join('\r\n');
    const until = async (isSo: () => boolean): Promise<void> => {
      for (let round = 0; round < 200 && !isSo(); round++) {
        await drawn();
      }
      expect(isSo()).toBe(true);
    };
    const shots = (): Frame[] => kernel.control.filter(({ type }) => type === 'snapshot');

    beforeEach(async () => {
      viewer.connected();
      attached();
      output(0, long);
      await until(() => viewer.parsed === long.length);
      slow();
      clock.advance(400);
    });

    it('does so in slices', async () => {
      expect(shots()).toEqual([]);
      await until(() => shots().length > 0);
      const [shot] = kernel.take('snapshot');
      expect(shot?.offset).toBe(long.length);
      const copy = terminal(10, 20);
      await write(copy, shot?.text ?? '');
      expect(state(copy)).toEqual(state(target));
    });

    it('lets what is typed and its echo go first, and begins anew when it is quiet', async () => {
      viewer.type(encoder.encode('x'));
      output(long.length, 'x');
      await until(() => viewer.parsed === long.length + 1);
      expect(shots()).toEqual([]);
      clock.advance(5_000);
      await until(() => shots().length > 0);
      expect(kernel.take('snapshot')).toMatchObject([{ offset: long.length + 1 }]);
    });

    it('lets output go first that comes when it was quiet', async () => {
      output(long.length, 'x');
      await until(() => viewer.parsed === long.length + 1);
      expect(shots()).toEqual([]);
    });

    it('hands in none of a screen that was cleared meanwhile', async () => {
      (target as unknown as { clear(): void }).clear();
      for (let round = 0; round < 50; round++) {
        await drawn();
      }
      expect(shots()).toEqual([]);
      clock.advance(5_000);
      await until(() => shots().length > 0);
    });

    it('hands it in at once where the page goes', () => {
      viewer.leaving();
      expect(shots()).toMatchObject([{ offset: long.length }]);
    });

    it('gives up when it attaches anew', async () => {
      viewer.disconnected();
      viewer.connected();
      attached({ from: 20_000, live: 20_000 });
      await drawn();
      output(20_000, 'anew');
      expect(await screen()).toContain('anew');
      expect(shots()).toEqual([]);
    });
  });

  it('takes snapshots of a program that prints on and on, whose output waits meanwhile', async () => {
    viewer.connected();
    attached();
    clock.now = () => (clock.time += 10);
    const piece = 'some text of a line\r\n'.repeat(1_000);
    let offset = 0;
    while (kernel.take('snapshot').length === 0) {
      expect(offset).toBeLessThan(3 * 1024 * 1024);
      output(offset, piece);
      offset += piece.length;
      while (viewer.parsed < offset) {
        await drawn();
      }
    }
  });

  it('hears that its session is gone', () => {
    viewer.connected();
    viewer.failed('no-session', '');
    expect(events).toContain('gone');
  });
});

it('names amounts', () => {
  expect([5, 2048, 1.5 * 1024 * 1024, 500 * 1024 * 1024].map(amount)).toEqual([
    '5 bytes',
    '2.0 KiB',
    '1.5 MiB',
    '500 MiB'
  ]);
});
