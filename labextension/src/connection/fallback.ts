/** Frames over the kernel's own channels, for a kernel that is not on the server's machine. */

import type { Kernel, KernelMessage } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';
import { checkControl, decodeData, encodeControl, encodeData, FrameError } from '../protocol/frames';
import type { FoundKernel } from './kernels';
import { Sequence, type Message } from './sequence';
import { CLOSE, type Transport, type TransportFactory, type TransportListener } from './transport';

const MESSAGE_TYPE = 'jupyter_ssh_frames';
/** Asks a kernel whether it understands those: every kernel knows this one, and logs an error for unknown ones. */
const QUESTION_TYPE = 'comm_info_request';
/** Frames typed within this many milliseconds are sent together. */
const BATCH = 2;

/** Finds or makes a connection to a kernel; null if there is no such kernel. */
export type FindKernel = () => Promise<FoundKernel | null>;

/** Return a factory of transports through the channels of the kernel that `find` finds. */
export function fallbackFactory(find: FindKernel): TransportFactory {
  return listener => {
    let sender: Sender | null = null;
    let isOver = false;
    const none = (): void => {
      if (!isOver) {
        listener.closed(CLOSE.noService, 'the page has no connection to this kernel');
      }
    };
    find().then(found => {
      if (found === null) {
        none();
      } else if (isOver) {
        found.release();
      } else {
        sender = open(found, listener);
      }
    }, none);
    return {
      way: 'channels',
      sendControl: (frame, limit) => sender?.sendControl(frame, limit),
      sendData: frame => sender?.sendData(frame),
      close: () => {
        isOver = true;
        sender?.close();
      }
    };
  };
}

type Sender = Omit<Transport, 'way'>;

function open({ kernel, release }: FoundKernel, listener: TransportListener): Sender {
  const connection = crypto
    .getRandomValues(new Uint8Array(16))
    .reduce((text, byte) => text + byte.toString(16).padStart(2, '0'), '');
  let isOver = false;
  const end = (code: number, reason: string): void => {
    if (!isOver) {
      stop();
      listener.closed(code, reason);
    }
  };
  let isKnown = false;
  const send = (message: Message, buffers: ArrayBuffer[]): void => {
    if (isKnown) {
      post(kernel, message, buffers);
    }
  };
  const sequence = new Sequence(connection, send, {
    arrived: (frames, buffers) => {
      try {
        for (const frame of frames) {
          deliver(frame, buffers, listener);
        }
      } catch (error) {
        if (!(error instanceof FrameError)) {
          throw error;
        }
        end(CLOSE.badFrame, error.message);
      }
    },
    ended: (code, reason) => end(code, reason),
    silent: () => end(CLOSE.silent, 'the kernel does not answer'),
    overflowed: () => end(CLOSE.silent, 'the kernel does not read what it is sent')
  });
  const comm = `jupyter-ssh-${connection}`;
  const onStatus = (_: unknown, status: Kernel.Status): void => {
    if (status === 'restarting' || status === 'autorestarting' || status === 'terminating' || status === 'dead') {
      end(CLOSE.ended, 'the kernel has ended');
    }
  };
  const onConnection = (_: unknown, status: Kernel.ConnectionStatus): void => {
    if (status !== 'connected') {
      end(CLOSE.silent, 'the connection to the kernel is lost');
    }
  };
  const onMessage = (_: unknown, { msg, direction }: Kernel.IAnyMessageArgs): void => {
    if (direction !== 'recv' || msg.channel !== 'iopub') {
      return;
    }
    if (msg.header.msg_type === 'comm_msg' && (msg.content as { comm_id?: unknown }).comm_id === comm) {
      hear(msg, sequence);
    } else if (msg.header.msg_type !== 'status') {
      // A status message follows each of our messages, whether or not anything in the kernel answers it.
      sequence.passed();
      listener.passed();
    }
  };
  kernel.anyMessage.connect(onMessage);
  kernel.statusChanged.connect(onStatus);
  kernel.connectionStatusChanged.connect(onConnection);
  const stop = (): void => {
    isOver = true;
    sequence.close();
    kernel.anyMessage.disconnect(onMessage);
    kernel.statusChanged.disconnect(onStatus);
    kernel.connectionStatusChanged.disconnect(onConnection);
    release();
  };

  let frames: unknown[] = [];
  let buffers: ArrayBuffer[] = [];
  let isPending = false;
  const enqueue = (frame: unknown): void => {
    frames.push(frame);
    if (!isPending) {
      isPending = true;
      setTimeout(() => {
        isPending = false;
        const batch = [frames, buffers] as const;
        frames = [];
        buffers = [];
        if (!isOver) {
          sequence.send(...batch);
        }
      }, BATCH);
    }
  };
  ask(kernel, isUnderstood => {
    if (!isUnderstood) {
      end(CLOSE.noService, 'no terminals there');
    } else if (!isOver) {
      isKnown = true;
      listener.opened();
    }
  });
  return {
    sendControl: (frame, limit) => {
      encodeControl(frame, limit);
      enqueue(frame);
    },
    sendData: frame => {
      buffers.push(encodeData(frame));
      enqueue(buffers.length - 1);
    },
    close: () => {
      sequence.leave();
      stop();
    }
  };
}

function deliver(frame: unknown, buffers: ArrayBufferView[], listener: TransportListener): void {
  if (typeof frame !== 'number') {
    listener.control(checkControl(frame));
    return;
  }
  const buffer = buffers[frame];
  if (buffer === undefined) {
    throw new FrameError('a data frame without its buffer');
  }
  listener.data(decodeData(buffer));
}

/**
 * Send on the control channel, which is read while a cell runs. The kernel's reply says nothing; `ack` reveals losses.
 */
function post(kernel: Kernel.IKernelConnection, message: Message, buffers: ArrayBuffer[]): void {
  if (!kernel.isDisposed) {
    kernel.sendControlMessage(controlMessage(kernel, MESSAGE_TYPE, message, buffers), false, true);
  }
}

/** Ask whether the kernel has the service. Without an answer the connection ends as one to a silent kernel. */
function ask(kernel: Kernel.IKernelConnection, answered: (isUnderstood: boolean) => void): void {
  const question = controlMessage(kernel, QUESTION_TYPE, { target_name: MESSAGE_TYPE }, []);
  const future = kernel.sendControlMessage(question, true, true);
  future.onReply = ({ content }) => {
    const { comms } = content as { comms?: unknown };
    answered(typeof comms === 'object' && comms !== null && Object.keys(comms).length > 0);
  };
}

function controlMessage(
  kernel: Kernel.IKernelConnection,
  type: string,
  content: object,
  buffers: ArrayBuffer[]
): KernelMessage.IControlMessage {
  return {
    header: {
      date: new Date().toISOString(),
      msg_id: crypto.randomUUID?.() ?? `${kernel.clientId}-${performance.now()}-${Math.random()}`,
      msg_type: type,
      session: kernel.clientId,
      username: kernel.username,
      version: '5.3'
    },
    parent_header: {},
    metadata: {},
    channel: 'control',
    content: content as unknown as JSONObject,
    buffers
  } as unknown as KernelMessage.IControlMessage;
}

/**
 * Handle a message as soon as it arrives, not after those before it. The kernel opens no comm, so none is open here.
 */
function hear(msg: KernelMessage.IMessage, sequence: Sequence): void {
  const message = (msg.content as { data?: Partial<Message> }).data;
  if (typeof message?.connection === 'string' && Array.isArray(message.frames)) {
    const buffers = (msg.buffers ?? []).map(buffer => (ArrayBuffer.isView(buffer) ? buffer : new DataView(buffer)));
    sequence.receive(message as Message, buffers);
  }
}
