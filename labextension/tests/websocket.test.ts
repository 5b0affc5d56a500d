/** Frames on a WebSocket, whose other end is the test. */

import { beforeEach, describe, expect, it } from 'vitest';
import { ServerConnection } from '@jupyterlab/services';
import { CLOSE, type Transport } from '../src/connection/transport';
import { webSocketFactory } from '../src/connection/websocket';
import { encodeData, FrameError } from '../src/protocol/frames';

class Socket {
  static made: Socket[] = [];
  binaryType = '';
  readyState = 0;
  sent: unknown[] = [];
  closed = false;
  onopen: () => void = () => undefined;
  onmessage: (event: { data: unknown }) => void = () => undefined;
  onclose: (event: { code: number; reason: string }) => void = () => undefined;

  constructor(readonly url: string) {
    Socket.made.push(this);
  }

  open(): void {
    this.readyState = WebSocket.OPEN;
    this.onopen();
  }

  send(data: unknown): void {
    this.sent.push(data);
  }

  close(): void {
    this.closed = true;
    this.onclose({ code: 1005, reason: '' });
  }
}

describe('a WebSocket', () => {
  let heard: unknown[];
  let transport: Transport;
  let socket: Socket;
  const open = (place: string, token = ''): void => {
    const settings = ServerConnection.makeSettings({
      wsUrl: 'ws://server/base/',
      token,
      appendToken: true,
      WebSocket: Socket as unknown as typeof WebSocket
    });
    transport = webSocketFactory(
      place,
      settings
    )({
      opened: () => heard.push('opened'),
      control: frame => heard.push(frame),
      data: frame => heard.push(frame),
      passed: () => heard.push('passed'),
      closed: (code, reason) => heard.push([code, reason])
    });
    socket = Socket.made.at(-1) as Socket;
  };

  beforeEach(() => {
    heard = [];
    Socket.made = [];
    open('kernel');
  });

  it('leads to the place, with the token where there is one', () => {
    expect(socket.url).toBe('ws://server/base/jupyter-ssh/channels/kernel');
    expect(socket.binaryType).toBe('arraybuffer');
    open('../a b', 'to&ken');
    expect(socket.url).toBe('ws://server/base/jupyter-ssh/channels/..%2Fa%20b?token=to%26ken');
    expect(transport.way).toBe('socket');
  });

  it('carries frames of both kinds both ways, once it is open', () => {
    const data = { stream: 1, offset: 2 ** 40, bytes: Uint8Array.of(1, 2) };
    transport.sendControl({ type: 'ping' }, 100);
    socket.open();
    transport.sendControl({ type: 'ping' }, 100);
    transport.sendData(data);
    expect(socket.sent).toEqual(['{"type":"ping"}', encodeData(data)]);
    socket.onmessage({ data: '{"type":"a.b","more":1}' });
    socket.onmessage({ data: encodeData(data) });
    expect(heard).toEqual(['opened', { type: 'a.b', more: 1 }, data]);
  });

  it('sends no frame that is too long', () => {
    socket.open();
    expect(() => transport.sendControl({ type: 'x'.repeat(100) }, 100)).toThrow(FrameError);
    expect(socket.sent).toEqual([]);
  });

  it.each(['{', '[]', '{"type":1}', new ArrayBuffer(12)])('is closed at a frame that is none: %j', data => {
    socket.open();
    socket.onmessage({ data });
    expect(heard.slice(1)).toEqual([[CLOSE.badFrame, expect.any(String)]]);
    expect(socket.closed).toBe(true);
    socket.onmessage({ data: '{"type":"late"}' });
    transport.sendControl({ type: 'ping' }, 100);
    expect(heard).toHaveLength(2);
    expect(socket.sent).toEqual([]);
  });

  it('lets errors of its listener through', () => {
    const wrong = new Error('a mistake of ours');
    socket.open();
    heard.push = () => {
      throw wrong;
    };
    expect(() => socket.onmessage({ data: '{"type":"x"}' })).toThrow(wrong);
    expect(socket.closed).toBe(false);
  });

  it('tells once with which code it was closed, and nothing where this end closes it', () => {
    socket.open();
    socket.onclose({ code: 4410, reason: 'ended' });
    socket.onclose({ code: 1006, reason: '' });
    expect(heard).toEqual(['opened', [4410, 'ended']]);
    open('kernel');
    transport.close();
    socket.open();
    expect(heard).toHaveLength(2);
    expect(socket.closed).toBe(true);
  });
});
