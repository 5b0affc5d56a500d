/** The WebSocket to the Jupyter server's bridge. */

import { URLExt } from '@jupyterlab/coreutils';
import type { ServerConnection } from '@jupyterlab/services';
import { decodeControl, decodeData, encodeControl, encodeData, FrameError } from '../protocol/frames';
import { CLOSE, type Transport, type TransportFactory, type TransportListener } from './transport';

/** Return a factory of WebSockets to one place. */
export function webSocketFactory(place: string, settings: ServerConnection.ISettings): TransportFactory {
  return listener => open(place, settings, listener);
}

function open(place: string, settings: ServerConnection.ISettings, listener: TransportListener): Transport {
  let url = URLExt.join(settings.wsUrl, 'jupyter-ssh', 'channels', encodeURIComponent(place));
  if (settings.appendToken && settings.token) {
    url += `?token=${encodeURIComponent(settings.token)}`;
  }
  const socket = new settings.WebSocket(url);
  let silent = false;
  socket.binaryType = 'arraybuffer';
  const close = (code: number, reason: string): void => {
    if (!silent) {
      silent = true;
      socket.close();
      listener.closed(code, reason);
    }
  };
  socket.onopen = () => {
    if (!silent) {
      listener.opened();
    }
  };
  socket.onmessage = event => {
    if (silent) {
      return;
    }
    try {
      if (typeof event.data === 'string') {
        listener.control(decodeControl(event.data));
      } else {
        listener.data(decodeData(event.data as ArrayBuffer));
      }
    } catch (error) {
      if (!(error instanceof FrameError)) {
        throw error;
      }
      close(CLOSE.badFrame, error.message);
    }
  };
  socket.onclose = event => close(event.code, event.reason);
  const send = (data: string | ArrayBuffer): void => {
    if (!silent && socket.readyState === WebSocket.OPEN) {
      socket.send(data);
    }
  };
  return {
    way: 'socket',
    sendControl: (frame, limit) => send(encodeControl(frame, limit)),
    sendData: frame => send(encodeData(frame)),
    close: () => {
      silent = true;
      socket.close();
    }
  };
}
