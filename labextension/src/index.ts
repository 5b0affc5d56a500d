/** The plugin of JupyterLab: SSH terminals. */

import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, ISanitizer, IThemeManager } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { IRunningSessionManagers } from '@jupyterlab/running';
import type { Kernel } from '@jupyterlab/services';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Places } from './connection/places';
import { Manager, OPEN_SESSION } from './manager';
import { addCommands, offer } from './plugins/commands';
import { allowLinks, followLinks } from './plugins/links';
import { rendererFactory } from './plugins/output';
import { addRunning } from './plugins/running';
import { PLUGIN, SettingsStore } from './settings';

/** The kernel's connection of a notebook or console on this page. */
function kernelConnection(app: JupyterFrontEnd, id: string): Kernel.IKernelConnection | null {
  interface WithKernel {
    sessionContext?: { session?: { kernel?: Kernel.IKernelConnection | null } | null };
  }
  for (const widget of app.shell.widgets('main')) {
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

const terminal: JupyterFrontEndPlugin<void> = {
  id: PLUGIN,
  description: 'SSH terminals: tabs, launcher, Running panel, outputs of %ssh_terminal',
  autoStart: true,
  optional: [
    IRenderMimeRegistry,
    ISettingRegistry,
    ITranslator,
    IThemeManager,
    ILayoutRestorer,
    ILauncher,
    ICommandPalette,
    IRunningSessionManagers,
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- as a type; it is the token as well
    ISanitizer
  ],
  activate: (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry | null,
    registry: ISettingRegistry | null,
    translator: ITranslator | null,
    themes: IThemeManager | null,
    restorer: ILayoutRestorer | null,
    launcher: ILauncher | null,
    palette: ICommandPalette | null,
    running: IRunningSessionManagers | null,
    sanitizer: IRenderMime.ISanitizer | null
  ): void => {
    const settings = new SettingsStore(registry);
    const isReady = settings.load();
    const places = new Places(app.serviceManager, id => kernelConnection(app, id), app.restored);
    const manager = new Manager({ app, places, settings, themes, translator: translator ?? nullTranslator });
    addCommands(app, manager, settings);
    offer(launcher, palette);
    rendermime?.addFactory(rendererFactory(manager, places), 0);
    if (sanitizer) {
      allowLinks(sanitizer, registry);
    }
    followLinks(manager);
    if (running) {
      addRunning(running, places, manager);
    }
    if (restorer) {
      void restorer.restore(manager.tracker, {
        command: OPEN_SESSION,
        args: ({ place, view }) => ({
          place,
          session: view.session,
          host: view.host,
          activate: false
        }),
        name: ({ view }) => view.session,
        when: isReady
      });
    }
  }
};

export default terminal;
