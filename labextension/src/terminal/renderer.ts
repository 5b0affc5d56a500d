/**
 * The renderer that draws: Lab uses WebGL wherever it exists, but without a graphics card that is the slowest of all.
 */

import type { Terminal as XTerm } from '@xterm/xterm';

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;
let isHardware: boolean | null = null;

/** Return whether a graphics card draws WebGL here; if the browser does not tell, assume so. */
function hasGraphicsCard(): boolean {
  if (isHardware === null) {
    const context = document.createElement('canvas').getContext('webgl');
    const info = context?.getExtension('WEBGL_debug_renderer_info');
    const name: unknown = info ? context?.getParameter(info.UNMASKED_RENDERER_WEBGL) : '';
    isHardware = context !== null && !SOFTWARE.test(String(name));
    context?.getExtension('WEBGL_lose_context')?.loseContext();
  }
  return isHardware;
}

interface Addon {
  dispose(): void;
  clearTextureAtlas?: () => void;
}

/** Leave the drawing to xterm.js's own renderer if Lab's choice would be slow. */
export function useFittingRenderer(terminal: XTerm, choice: 'automatic' | 'lab'): void {
  if (choice === 'lab' || hasGraphicsCard()) {
    return;
  }
  const manager = (terminal as unknown as { _addonManager?: { _addons?: { instance: Addon }[] } })._addonManager;
  // Only the WebGL and canvas renderers have an atlas of glyphs.
  const renderer = manager?._addons?.find(({ instance }) => typeof instance.clearTextureAtlas === 'function');
  renderer?.instance.dispose();
}
