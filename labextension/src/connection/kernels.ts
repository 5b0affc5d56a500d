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

/** A connection to a kernel, and how to give it up. */
export interface FoundKernel {
  kernel: Kernel.IKernelConnection;
  /** Close the connection, unless it belongs to a notebook or console. */
  release: () => void;
}

/**
 * Return a connection to a kernel: that of a notebook or console, for which a page that is being restored waits, or
 * else a new one; null if there is no such kernel. A new one receives no comms: a page hands a kernel's comms to one
 * connection only, and without them the widgets of a notebook that is opened later would be dead.
 */
export async function findKernel(
  id: string,
  services: ServiceManager.IManager,
  ofWidgets: (id: string) => Kernel.IKernelConnection | null
): Promise<FoundKernel | null> {
  await services.ready;
  const { kernels, sessions } = services;
  const isOfNotebook = [...sessions.running()].some(({ kernel }) => kernel?.id === id);
  for (let waited = 0; ; waited += STEP) {
    const open = ofWidgets(id);
    if (open !== null) {
      return { kernel: open, release: () => undefined };
    }
    if (!isOfNotebook || waited >= PATIENCE) {
      break;
    }
    await new Promise(resolve => setTimeout(resolve, STEP));
  }
  const model = [...kernels.running()].find(running => running.id === id);
  if (model === undefined) {
    return null;
  }
  const kernel = kernels.connectTo({ model, handleComms: false });
  return { kernel, release: () => kernel.dispose() };
}
