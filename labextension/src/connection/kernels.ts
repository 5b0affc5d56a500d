/** The page's own connection to a kernel, which carries frames that the Jupyter server cannot. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { Kernel, ServiceManager } from '@jupyterlab/services';

/** How long connecting to the kernel of an open notebook may take after a reload, and how often to check. */
const PATIENCE = 5_000;
const STEP = 100;

interface WithKernel {
  sessionContext?: { session?: { kernel?: Kernel.IKernelConnection | null } | null };
}

/** The connection to a kernel that belongs to a notebook or console on this page. */
export function kernelOfWidgets(shell: JupyterFrontEnd.IShell, id: string): Kernel.IKernelConnection | null {
  for (const widget of shell.widgets('main')) {
    const candidates = [widget, (widget as { console?: unknown }).console, (widget as { content?: unknown }).content];
    for (const candidate of candidates) {
      const kernel = (candidate as WithKernel | undefined)?.sessionContext?.session?.kernel;
      if (kernel?.id === id) {
        return kernel;
      }
    }
  }
  return null;
}

/**
 * Return the page's connection to a kernel, or null. While the page is being restored, wait for the notebook's own:
 * only the first connection of a page receives comms, so another one in its place would leave the notebook's widgets
 * dead.
 */
export async function findKernel(
  id: string,
  services: ServiceManager.IManager,
  ofWidgets: (id: string) => Kernel.IKernelConnection | null
): Promise<Kernel.IKernelConnection | null> {
  await services.ready;
  const { kernels, sessions } = services;
  const isOfNotebook = [...sessions.running()].some(({ kernel }) => kernel?.id === id);
  for (let waited = 0; ; waited += STEP) {
    const open = ofWidgets(id);
    if (open !== null) {
      return open;
    }
    if (!isOfNotebook || waited >= PATIENCE) {
      break;
    }
    await new Promise(resolve => setTimeout(resolve, STEP));
  }
  const model = [...kernels.running()].find(running => running.id === id);
  return model === undefined ? null : kernels.connectTo({ model });
}
