/** Transports that a test holds in its hands. */

import type { Transport, TransportFactory, TransportListener, Way } from '../../src/connection/transport';
import { encodeControl, VERSION, type ControlFrame, type DataFrame } from '../../src/protocol/frames';
import type { Description } from '../../src/services/terminals/messages';

export class Made {
  sent: ControlFrame[] = [];
  data: DataFrame[] = [];
  closed = false;

  constructor(readonly listener: TransportListener) {}

  /** A frame comes from the place. */
  say(type: string, members: object = {}): void {
    this.listener.control({ ...members, type });
  }

  /** It connects, and the place answers the greeting. */
  greet(start = 'one', services: Record<string, unknown> = SERVICES): void {
    this.listener.opened();
    this.welcome(start, services);
  }

  welcome(start = 'one', services: Record<string, unknown> = SERVICES, more: object = {}): void {
    this.say('welcome', { version: VERSION, place: 'k', pid: 1, start, services, ...more });
  }

  /** The frames of a type that were sent, and forget them. */
  take(type: string): ControlFrame[] {
    const found = this.sent.filter(frame => frame.type === type);
    this.sent = this.sent.filter(frame => frame.type !== type);
    return found;
  }
}

const SERVICES = { terminals: { sessions: [] }, questions: { open: [] } };

/** Keeps each transport that it makes. */
export function factory(made: Made[], way: Way = 'socket'): TransportFactory {
  return listener => {
    const entry = new Made(listener);
    made.push(entry);
    const transport: Transport = {
      way,
      sendControl: (frame, limit) => {
        encodeControl(frame, limit);
        entry.sent.push(frame);
      },
      sendData: frame => {
        entry.data.push(frame);
      },
      close: () => {
        entry.closed = true;
      }
    };
    return transport;
  };
}

export function last(list: Made[]): Made {
  return list[list.length - 1] as Made;
}

/** Let promises that are settled go on. */
export const settle = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 0));

export const described = (session: string, members: Partial<Description> = {}): Description => ({
  session,
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
  viewers: 0,
  wanted: true,
  reconnect: false,
  ...members
});
