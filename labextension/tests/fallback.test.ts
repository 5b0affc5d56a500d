/** Frames over the channels of a kernel, whose end is the test. */

import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Kernel } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import { fallbackFactory } from '../src/connection/fallback';
import type { FoundKernel } from '../src/connection/kernels';
import { Sequence, type Message } from '../src/connection/sequence';
import { CLOSE, type Transport } from '../src/connection/transport';
import { decodeData, encodeData, FrameError } from '../src/protocol/frames';

interface Sent {
  channel: string;
  content: Message;
  buffers: ArrayBuffer[];
  header: { msg_type: string };
}

/** The page's connection to a kernel in which the test answers. */
class FakeKernel {
  readonly clientId = 'client';
  readonly username = 'person';
  isDisposed = false;
  readonly anyMessage = new Signal<this, unknown>(this);
  readonly statusChanged = new Signal<this, string>(this);
  readonly connectionStatusChanged = new Signal<this, string>(this);
  readonly sent: Sent[] = [];
  /** What the kernel's end of the sequence has got. */
  readonly arrived: unknown[] = [];
  private sequence: Sequence | null = null;

  /** Answers the question whether the service is there. */
  answer: (comms: object) => void = () => undefined;
  readonly asked: Sent[] = [];

  sendControlMessage(message: Sent): { onReply: (reply: object) => void } {
    const future: { onReply: (reply: object) => void } = { onReply: () => undefined };
    if (message.header.msg_type === 'comm_info_request') {
      this.asked.push(message);
      this.answer = comms => future.onReply({ content: { comms } });
      return future;
    }
    this.sent.push(message);
    const { content, buffers } = message;
    this.sequence ??= new Sequence(content.connection, (reply, carried) => this.reply(reply, carried), {
      arrived: (frames, views) =>
        this.arrived.push(
          ...frames.map(frame => (typeof frame === 'number' ? decodeData(views[frame] as never) : frame))
        ),
      ended: code => this.arrived.push(code),
      silent: () => undefined,
      overflowed: () => undefined
    });
    this.sequence.receive(
      structuredClone(content),
      buffers.map(buffer => new DataView(buffer))
    );
    return future;
  }

  say(frames: unknown[], buffers: ArrayBuffer[] = []): void {
    this.sequence?.send(frames, buffers);
  }

  reply(message: object, buffers: ArrayBuffer[] = [], comm = `jupyter-ssh-${this.sent[0]?.content.connection}`): void {
    const content = { comm_id: comm, data: message };
    this.hear({ channel: 'iopub', header: { msg_type: 'comm_msg' }, content, buffers });
  }

  hear(msg: object, direction = 'recv'): void {
    this.anyMessage.emit({ msg, direction });
  }
}

describe('the channels of a kernel', () => {
  let kernel: FakeKernel;
  let heard: unknown[];
  let transport: Transport;
  const listener = {
    opened: () => heard.push('opened'),
    control: (frame: unknown) => heard.push(frame),
    data: (frame: unknown) => heard.push(frame),
    passed: () => heard.push('passed'),
    closed: (code: number) => heard.push(code)
  };
  const release = vi.fn();
  const open = (found: Promise<FakeKernel | null>): void => {
    const find = async (): Promise<FoundKernel | null> => {
      const kernel = (await found) as unknown as Kernel.IKernelConnection | null;
      return kernel && { kernel, release };
    };
    transport = fallbackFactory(find)(listener);
  };

  beforeEach(async () => {
    vi.useFakeTimers();
    heard = [];
    release.mockClear();
    kernel = new FakeKernel();
    open(Promise.resolve(kernel));
    await vi.advanceTimersByTimeAsync(1);
    kernel.answer({ jupyter_ssh_frames: {} });
    return () => {
      transport.close();
      vi.useRealTimers();
    };
  });

  it('open once the kernel is found and says that it has the service', () => {
    expect(heard).toEqual(['opened']);
    expect(kernel.asked).toHaveLength(1);
    expect(kernel.asked[0]).toMatchObject({ channel: 'control', content: { target_name: 'jupyter_ssh_frames' } });
    expect(transport.way).toBe('channels');
  });

  it('carry frames of both kinds both ways, those of one moment in one message', async () => {
    const data = { stream: 1, offset: 5, bytes: Uint8Array.of(1, 2) };
    transport.sendControl({ type: 'hello' }, 100);
    transport.sendData(data);
    transport.sendControl({ type: 'ping' }, 100);
    await vi.advanceTimersByTimeAsync(10);
    expect(kernel.sent).toHaveLength(1);
    expect(kernel.sent[0]).toMatchObject({ channel: 'control', header: { msg_type: 'jupyter_ssh_frames' } });
    expect(kernel.arrived).toEqual([{ type: 'hello' }, data, { type: 'ping' }]);
    kernel.say([{ type: 'welcome' }, 0], [encodeData(data)]);
    expect(heard.slice(1)).toEqual([{ type: 'welcome' }, data]);
  });

  it.each([[{}], [undefined], [null], ['text']])('send nothing to a kernel without the service: %j', async comms => {
    heard = [];
    kernel = new FakeKernel();
    open(Promise.resolve(kernel));
    await vi.advanceTimersByTimeAsync(1);
    expect(heard).toEqual([]);
    kernel.answer(comms as object);
    expect(heard).toEqual([CLOSE.noService]);
    expect(kernel.sent).toEqual([]);
  });

  it('send no frame that is too long', () => {
    expect(() => transport.sendControl({ type: 'x'.repeat(100) }, 100)).toThrow(FrameError);
  });

  it.each([[3], ['text'], [{ type: 1 }]])('end at what is no frame: %j', async frame => {
    transport.sendControl({ type: 'hello' }, 100);
    await vi.advanceTimersByTimeAsync(10);
    kernel.say([frame]);
    expect(heard).toEqual(['opened', CLOSE.badFrame]);
    kernel.say([{ type: 'late' }]);
    expect(heard).toHaveLength(2);
  });

  it('say that other messages pass, but for those that answer ours', () => {
    kernel.hear({ channel: 'iopub', header: { msg_type: 'stream' }, content: {} });
    kernel.hear({ channel: 'iopub', header: { msg_type: 'status' }, content: {} });
    kernel.hear({ channel: 'shell', header: { msg_type: 'execute_reply' }, content: {} });
    kernel.hear({ channel: 'iopub', header: { msg_type: 'stream' }, content: {} }, 'send');
    expect(heard).toEqual(['opened', 'passed']);
  });

  it('let messages of other comms, and what is no message, lie', async () => {
    transport.sendControl({ type: 'hello' }, 100);
    await vi.advanceTimersByTimeAsync(10);
    const { connection } = kernel.sent[0]?.content as Message;
    const message = { connection, seq: 1, ack: 1, frames: [{ type: 'x' }] };
    kernel.reply(message, [], 'another-comm');
    kernel.reply({ ...message, connection: 'another' });
    kernel.reply({ ...message, frames: 'none' });
    kernel.reply({});
    expect(heard.filter(each => typeof each === 'object')).toEqual([]);
    kernel.reply(message);
    expect(heard.filter(each => typeof each === 'object')).toEqual([{ type: 'x' }]);
  });

  it.each([
    ['restarting', CLOSE.ended],
    ['dead', CLOSE.ended],
    ['busy', null]
  ])('when the kernel is %s: %s', (status, code) => {
    kernel.statusChanged.emit(status);
    kernel.statusChanged.emit(status);
    expect(heard.slice(1)).toEqual(code === null ? [] : [code]);
  });

  it('are lost with the connection to the kernel, and with a kernel that is silent', async () => {
    kernel.connectionStatusChanged.emit('connecting');
    expect(heard.slice(1)).toEqual([CLOSE.silent]);
    open(Promise.resolve(kernel));
    await vi.advanceTimersByTimeAsync(60_000); // it does not answer the question
    expect(heard.slice(2)).toEqual([CLOSE.silent]);
    open(Promise.resolve(kernel));
    await vi.advanceTimersByTimeAsync(1);
    kernel.answer({ jupyter_ssh_frames: {} });
    vi.spyOn(kernel, 'sendControlMessage').mockReturnValue({ onReply: () => undefined });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(heard.slice(3)).toEqual(['opened', CLOSE.silent]);
  });

  it('end with the last word of the kernel', async () => {
    transport.sendControl({ type: 'hello' }, 100);
    await vi.advanceTimersByTimeAsync(10);
    const { connection } = kernel.sent[0]?.content as Message;
    kernel.reply({ connection, seq: 0, ack: 1, frames: [], close: 4404, reason: 'who are you?' });
    expect(heard.slice(1)).toEqual([CLOSE.noService]);
  });

  it('say good-bye where this end closes them, and hear nothing after it', async () => {
    transport.sendControl({ type: 'hello' }, 100);
    await vi.advanceTimersByTimeAsync(10);
    transport.close();
    expect(kernel.arrived).toEqual([{ type: 'hello' }, 1000]);
    expect(release).toHaveBeenCalledOnce();
    kernel.statusChanged.emit('dead');
    kernel.hear({ channel: 'iopub', header: { msg_type: 'stream' }, content: {} });
    expect(heard).toEqual(['opened']);
    kernel.isDisposed = true;
  });

  it('are not there where the page has no connection to the kernel', async () => {
    open(Promise.resolve(null));
    await vi.advanceTimersByTimeAsync(1);
    open(Promise.reject(new Error('not found')));
    await vi.advanceTimersByTimeAsync(1);
    transport.sendControl({ type: 'ping' }, 100);
    expect(heard.slice(1)).toEqual([CLOSE.noService, CLOSE.noService]);
    open(Promise.resolve(kernel));
    transport.close(); // before it is found
    await vi.advanceTimersByTimeAsync(1);
    expect(heard).toHaveLength(3);
    expect(release).toHaveBeenCalledOnce();
  });
});
