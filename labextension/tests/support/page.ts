/** What a browser has and jsdom has not, so that Lab's widgets can be made. Imported before them. */

class NoDragEvent extends MouseEvent {}

const media = (query: string): object => ({
  media: query,
  matches: false,
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
  ...{ addListener: () => undefined, removeListener: () => undefined } // which xterm.js calls
});

class NoResizeObserver {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

const requestIdleCallback = (call: () => void): unknown => setTimeout(call, 0);

Object.assign(globalThis, { DragEvent: NoDragEvent, ResizeObserver: NoResizeObserver, requestIdleCallback });
Object.assign(window, { matchMedia: media, requestIdleCallback });
// No canvas: xterm.js then measures and draws with elements.
HTMLCanvasElement.prototype.getContext = () => null;
Element.prototype.scrollIntoView = () => undefined;

/** Let xterm.js do what it has put off: it does so also after it was disposed of, and fails then. */
export async function frames(): Promise<void> {
  for (let count = 0; count < 3; count++) {
    await new Promise(resolve => requestAnimationFrame(resolve));
  }
}
