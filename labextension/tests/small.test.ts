import { describe, expect, it } from 'vitest';
import { destinationOf, destinationOfLink } from '../src/dialogs/destination';
import { decodeControl, decodeData, encodeControl, encodeData, FrameError } from '../src/protocol/frames';
import { allowedSize } from '../src/services/terminals/messages';
import { begun, condition, label } from '../src/terminal/condition';
import { trans } from './support/texts';

describe('frames', () => {
  it('of data keep large offsets', () => {
    const frame = { stream: 4294967295, offset: 2 ** 45 + 3, bytes: Uint8Array.of(1, 2, 3) };
    expect(decodeData(encodeData(frame))).toEqual(frame);
    const shifted = new Uint8Array([9, 9, ...new Uint8Array(encodeData(frame))]).subarray(2);
    expect(decodeData(shifted)).toEqual(frame);
  });

  it.each([0, 5, 12, 12 + 65537])('of data are refused with %i bytes', length => {
    expect(() => decodeData(new ArrayBuffer(length))).toThrow(FrameError);
  });

  it('of data are refused with stream 0 and with an impossible offset', () => {
    expect(() => decodeData(new ArrayBuffer(13))).toThrow(FrameError);
    expect(() => decodeData(new Uint8Array(13).fill(255).buffer)).toThrow(FrameError);
  });

  it.each(['', 'null', '[]', '3', '{', '{"type": 3}'])('of control are refused: %s', text => {
    expect(() => decodeControl(text)).toThrow(FrameError);
  });

  it('of control are not sent where they are too long', () => {
    expect(encodeControl({ type: 'ping', filling: 'ü'.repeat(10) }, 60)).toContain('üü');
    expect(() => encodeControl({ type: 'ping', filling: 'ü'.repeat(20) }, 60)).toThrow(FrameError);
  });
});

it.each([
  ['ssh://demo', 'demo'],
  ['ssh://alice@cluster/', 'alice@cluster'],
  ['ssh://alice@cluster:2222', 'ssh://alice@cluster:2222'],
  ['ssh://[::1]:22', 'ssh://[::1]:22'],
  ['ssh://[fe80::1%eth0]', 'ssh://[fe80::1%eth0]'],
  ['ssh://-oProxyCommand=x', null],
  ['ssh://-Fx', null],
  ['ssh://-x@host', null],
  ['ssh://host/path', null],
  ['ssh://host -v', null],
  ['ssh:host', null],
  ['https://host', null]
])('a link %s leads to %s', (link, destination) => {
  expect(destinationOfLink(link)).toBe(destination);
});

it('sizes are within the limits', () => {
  expect(allowedSize(1, 5000)).toEqual({ rows: 2, cols: 1000 });
  expect(allowedSize(NaN, 80.9)).toEqual({ rows: 2, cols: 80 });
});

describe('a label', () => {
  const made = (title: string, host = 'demo', command: string | null = null): string =>
    label({ host, name: 'me@demo', title, command });
  it('is the host and the title', () => {
    expect(made('')).toBe('demo');
    expect(made('vim')).toBe('demo: vim');
    expect(made('', 'demo', 'htop -d 5')).toBe('demo: htop -d 5');
    expect(made('vim x', 'demo', 'sh -c "vim x"')).toBe('demo: vim x');
    expect(made('', 'ssh://me@demo:2222')).toBe('me@demo:2222');
    expect(made('', '')).toBe('me@demo');
  });
  it('is bounded, and free of what cannot be seen', () => {
    expect(made('x'.repeat(300))).toHaveLength(60);
    expect(made('a\u202eb\u0007\u2028c')).toBe('demo: abc');
  });
});

it('when a session was begun has its day unless that is today', () => {
  const then = new Date(2026, 4, 6, 7, 8, 9);
  const created = then.getTime() / 1000;
  expect(begun({ created }, new Date(2026, 4, 6, 23))).toBe('07:08:09');
  expect(begun({ created }, new Date(2026, 4, 7, 1))).toMatch(/6.*, 07:08:09$/);
});

describe('the condition', () => {
  const base = {
    place: 'connected' as const,
    isHost: false,
    reason: 'because',
    attached: true,
    gone: false,
    questions: 0,
    description: { state: 'open', text: 'fine', reconnect: true } as never
  };
  const dot = (members: object): string => condition({ ...base, ...members }, trans).dot;
  it('is seen in the dot', () => {
    expect(dot({})).toBe('connected');
    expect(dot({ attached: false })).toBe('busy');
    expect(dot({ questions: 1 })).toBe('busy');
    expect(dot({ place: 'waiting' })).toBe('lost');
    expect(dot({ gone: true })).toBe('lost');
    expect(dot({ description: { state: 'ended', text: 'exit 0' } })).toBe('ended');
    expect(dot({ place: 'connecting' })).toBe('busy');
  });
  it('offers what helps', () => {
    const actions = (members: object): string[] | undefined => condition({ ...base, ...members }, trans).strip?.actions;
    expect(actions({})).toBeUndefined();
    expect(actions({ place: 'version' })).toEqual(['reload']);
    expect(actions({ place: 'ended' })).toContain('new');
    expect(actions({ description: { state: 'lost', text: 'x', reconnect: true } })).toContain('reconnect');
    expect(actions({ description: { state: 'lost', text: 'x', reconnect: false } })).toEqual(['new']);
  });
});

it('a port that was typed behind a host makes an address of it', () => {
  expect(destinationOf(' alice@box:2222 ')).toBe('ssh://alice@box:2222');
  expect(destinationOf('box:22')).toBe('ssh://box:22');
  for (const text of ['box', 'alice@box', 'ssh://box:22', '::1', 'fe80::1', '[::1]:22']) {
    expect(destinationOf(text)).toBe(text);
  }
});
