/** Frames as the transports carry them, and what a frame from the kernel must look like. */

import { LIMITS, type FromKernel } from './messages';

const HEADER = 12;
const encoder = new TextEncoder();

export interface DataFrame {
  stream: number;
  offset: number;
  bytes: Uint8Array;
}

/** What breaks the rules of the wire; the connection ends. */
export class FrameError extends Error {}

/** A data frame: uint32 stream, uint64 offset, bytes. */
export function encodeData(frame: DataFrame): ArrayBuffer {
  const buffer = new ArrayBuffer(HEADER + frame.bytes.length);
  const view = new DataView(buffer);
  view.setUint32(0, frame.stream);
  view.setUint32(4, Math.floor(frame.offset / 2 ** 32));
  view.setUint32(8, frame.offset % 2 ** 32);
  new Uint8Array(buffer, HEADER).set(frame.bytes);
  return buffer;
}

/** The inverse of encodeData; the bytes are a view. */
export function decodeData(buffer: ArrayBuffer | ArrayBufferView): DataFrame {
  const view = ArrayBuffer.isView(buffer)
    ? new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new DataView(buffer);
  const length = view.byteLength - HEADER;
  if (length < 1 || length > LIMITS.data) {
    throw new FrameError(`a data frame of ${length} bytes`);
  }
  const offset = view.getUint32(4) * 2 ** 32 + view.getUint32(8);
  const stream = view.getUint32(0);
  if (stream === 0 || !Number.isSafeInteger(offset + length)) {
    throw new FrameError('a data frame with an impossible stream or offset');
  }
  return { stream, offset, bytes: new Uint8Array(view.buffer, view.byteOffset + HEADER, length) };
}

/** The text of a control frame. */
export function encodeControl(frame: object): string {
  const text = JSON.stringify(frame);
  if (encoder.encode(text).length > LIMITS.largeControl) {
    throw new FrameError('a control frame too long to send');
  }
  return text;
}

type Check = (value: unknown) => boolean;
const text: Check = value => typeof value === 'string';
const number: Check = value => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const flag: Check = value => typeof value === 'boolean';
const object: Check = value => typeof value === 'object' && value !== null && !Array.isArray(value);
const orNull =
  (check: Check): Check =>
  value =>
    value === null || check(value);
const listOf =
  (check: Check): Check =>
  value =>
    Array.isArray(value) && value.every(check);
const size: Check = value => Array.isArray(value) && value.length === 3 && value.every(number);
const fields =
  (wanted: Record<string, Check>): Check =>
  value =>
    object(value) && Object.entries(wanted).every(([name, check]) => check((value as Record<string, unknown>)[name]));

const description = fields({
  session: text,
  host: text,
  name: text,
  title: text,
  state: value => ['connecting', 'open', 'ended', 'lost'].includes(value as string),
  text,
  wanted: flag,
  reconnect: flag
});

/** For each type of control frame that the kernel sends: what it needs for the page to be able to use it. */
const NEEDED: Record<FromKernel['type'], Check> = {
  welcome: fields({ version: number, place: text, start: text, sessions: listOf(description) }),
  hosts: fields({ request: number, hosts: listOf(fields({ name: text, source: text })) }),
  opened: fields({ request: number, session: text }),
  session: fields({ description }),
  gone: fields({ session: text }),
  error: fields({ code: text, text }),
  attached: fields({
    stream: number,
    session: text,
    description,
    from: number,
    live: number,
    input: number,
    sizes: listOf(size),
    snapshot: orNull(fields({ offset: number, rows: number, cols: number, text }))
  }),
  resized: fields({ session: text, offset: number, rows: number, cols: number }),
  input: fields({ stream: number, offset: number }),
  skipped: fields({ stream: number, from: number, to: number }),
  lead: fields({ stream: number, lead: flag }),
  question: fields({ question: text, session: text, kind: text }),
  answered: fields({ question: text })
};

const QUESTIONS: Record<string, Check> = {
  'host-key': fields({ host: text, key_type: text, sha256: text }),
  secret: fields({ prompt: text }),
  prompts: fields({ prompts: listOf(fields({ prompt: text, echo: flag })) }),
  notice: fields({ text })
};

/**
 * A control frame from what JSON gave; null where the type is not known, so that a newer kernel can talk to an older
 * page. Throws FrameError.
 */
export function checkControl(value: unknown): FromKernel | null {
  if (!object(value)) {
    throw new FrameError('a control frame is not an object');
  }
  const frame = value as { type?: unknown; kind?: string };
  if (typeof frame.type !== 'string') {
    throw new FrameError('a control frame without a type');
  }
  const check = Object.hasOwn(NEEDED, frame.type) ? NEEDED[frame.type as FromKernel['type']] : null;
  if (check === null) {
    return null;
  }
  if (!check(value)) {
    throw new FrameError(`a frame of type ${frame.type} lacks what it needs`);
  }
  if (frame.type === 'question') {
    const kind = frame.kind ?? '';
    if (!Object.hasOwn(QUESTIONS, kind)) {
      return null;
    }
    if (!QUESTIONS[kind]?.(value)) {
      throw new FrameError(`a question of kind ${kind} lacks what it needs`);
    }
  }
  return value as FromKernel;
}

/** A control frame from its text. Throws FrameError. */
export function decodeControl(source: string): FromKernel | null {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    throw new FrameError('a control frame is not JSON');
  }
  return checkControl(value);
}
