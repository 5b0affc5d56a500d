/**
 * A viewer in the form of the connection that Lab's terminal widget expects. Output goes to xterm.js directly, as
 * bytes.
 */

import { ServerConnection, type Terminal } from '@jupyterlab/services';
import { Signal, type ISignal } from '@lumino/signaling';

export interface AdapterEvents {
  typed(text: string): void;
  /** The widget has another size, or is shown for the first time. */
  sized(): void;
}

export class TerminalAdapter implements Terminal.ITerminalConnection {
  readonly name: string;
  readonly serverSettings: ServerConnection.ISettings = ServerConnection.makeSettings();
  readonly connectionStatus = 'connected' as const;
  isDisposed = false;
  private readonly message = new Signal<Terminal.ITerminalConnection, Terminal.IMessage>(this);
  private readonly status = new Signal<this, Terminal.ConnectionStatus>(this);
  private readonly disposal = new Signal<this, undefined>(this);

  constructor(
    name: string,
    private readonly events: AdapterEvents
  ) {
    this.name = name;
  }

  get model(): Terminal.IModel {
    return { name: this.name };
  }

  get messageReceived(): ISignal<Terminal.ITerminalConnection, Terminal.IMessage> {
    return this.message;
  }

  get connectionStatusChanged(): ISignal<this, Terminal.ConnectionStatus> {
    return this.status;
  }

  get disposed(): ISignal<this, undefined> {
    return this.disposal;
  }

  send(message: Terminal.IMessage): void {
    if (message.type === 'stdin') {
      this.events.typed(String(message.content?.[0] ?? ''));
    } else if (message.type === 'set_size') {
      this.events.sized();
    }
  }

  reconnect(): Promise<void> {
    return Promise.resolve();
  }

  /** Do nothing: the widget never ends a session, only the person does. */
  shutdown(): Promise<void> {
    return Promise.resolve();
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.isDisposed = true;
      this.disposal.emit(undefined);
      Signal.clearData(this);
    }
  }
}
