/** Frames as the transports carry them, of whichever service (docs/page-protocol.md). */

import { fields, number, object, optional, orNull, text, type Check } from './checks';

export const VERSION = 2;

export const LIMITS = {
  /** The most bytes of a control frame, and of one that its service allows to be large. */
  control: 64 * 1024,
  largeControl: 8 * 1024 * 1024,
  /** The most bytes that a data frame carries. */
  data: 65536
};

const HEADER = 12;
const encoder = new TextEncoder();

/** A JSON object; its type is `service.verb`, or a word without a dot for the transport itself. */
export interface ControlFrame {
  type: string;
  [member: string]: unknown;
}

export interface DataFrame {
  stream: number;
  offset: number;
  bytes: Uint8Array;
}

export interface Welcome {
  version: number;
  place: string;
  pid: number;
  /** A value other than before means that everything the services had is gone. */
  start: string;
  /** What each service announces, by its name. */
  services: Record<string, unknown>;
  through?: string;
}

export interface ErrorFrame {
  request?: number;
  stream?: number;
  service?: string;
  session?: string;
  code: string;
  text: string;
  next_step?: string | null;
}

/** A violation of the protocol; the connection ends. */
export class FrameError extends Error {}

/** The members that the page needs in the transport's own frames. */
const OWN: Record<string, Check> = {
  welcome: fields({ version: number, place: text, start: text, services: object }),
  error: fields({
    code: text,
    text,
    request: optional(number),
    stream: optional(number),
    service: optional(text),
    session: optional(text),
    next_step: optional(orNull(text))
  })
};

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

/** The inverse of encodeData; the bytes are a view. Throws FrameError. */
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

/** Return the text of a control frame. Throws FrameError if it is longer than `limit` bytes. */
export function encodeControl(frame: ControlFrame, limit: number): string {
  const source = JSON.stringify(frame);
  if (encoder.encode(source).length > limit) {
    throw new FrameError(`a frame of type ${frame.type} too long to send`);
  }
  return source;
}

/** Return a control frame from its text. Throws FrameError. */
export function decodeControl(source: string): ControlFrame {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    throw new FrameError('a control frame is not JSON');
  }
  return checkControl(value);
}

/** Return a control frame from parsed JSON; the service checks the members of its own frames. Throws FrameError. */
export function checkControl(value: unknown): ControlFrame {
  if (!object(value)) {
    throw new FrameError('a control frame is not an object');
  }
  const frame = value as { type?: unknown };
  if (typeof frame.type !== 'string') {
    throw new FrameError('a control frame without a type');
  }
  return value as ControlFrame;
}

/** Check one of the transport's own frames. Throws FrameError. */
export function checkOwn(frame: ControlFrame): void {
  if (Object.hasOwn(OWN, frame.type)) {
    checkMembers(OWN[frame.type], frame, `a frame of type ${frame.type}`);
  }
}

/** Throw FrameError if the value does not pass the check; `name` says what it is. */
export function checkMembers(check: Check | undefined, value: unknown, name: string): void {
  if (check?.(value) === false) {
    throw new FrameError(`${name} lacks what it needs`);
  }
}
