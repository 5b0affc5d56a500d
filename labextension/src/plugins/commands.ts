/** The commands: opening, clipboard, search, font, reconnecting. Keys and menus for them are in schema/terminal.json. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { ILauncher } from '@jupyterlab/launcher';
import type { Manager } from '../manager';
import { OPEN_SESSION } from '../manager';
import type { SettingsStore } from '../settings';
import { copyText, pasteText } from '../terminal/clipboard';
import { sshIcon, type SessionTab } from '../terminal/tab';

export const OPEN = 'jupyter-ssh:open-terminal';
const CATEGORY = 'SSH';

/** Add the commands to the application. */
export function addCommands(app: JupyterFrontEnd, manager: Manager, settings: SettingsStore): void {
  const { commands } = app;
  const current = (): SessionTab | null => {
    const tab = manager.tracker.currentWidget;
    return tab !== null && tab === app.shell.currentWidget ? tab : null;
  };
  const isCurrent = (): boolean => current() !== null;

  commands.addCommand(OPEN, {
    label: args => (args['isPalette'] ? 'New SSH Terminal' : 'SSH Terminal'),
    caption: 'A terminal on another machine',
    icon: args => (args['isPalette'] ? undefined : sshIcon),
    execute: args => manager.openHost(typeof args['host'] === 'string' ? args['host'] : null)
  });
  commands.addCommand(OPEN_SESSION, {
    label: 'Open SSH Session',
    execute: args => {
      const { place, session, host } = args as { place?: unknown; session?: unknown; host?: unknown };
      if (typeof place !== 'string' || typeof session !== 'string') {
        throw new Error('A place and a session are needed.');
      }
      return manager.openTab(
        { place, session, host: typeof host === 'string' ? host : '' },
        { activate: args['activate'] !== false }
      );
    }
  });
  commands.addCommand('jupyter-ssh:copy', {
    label: 'Copy',
    isEnabled: () => current()?.content.hasSelection() ?? false,
    isVisible: isCurrent,
    execute: async () => {
      const tab = current();
      const text = tab?.content.getSelection();
      if (text) {
        await copyText(text);
        tab?.view.screen?.clearSelection();
      }
    }
  });
  commands.addCommand('jupyter-ssh:paste', {
    label: 'Paste',
    isEnabled: isCurrent,
    isVisible: isCurrent,
    execute: async () => {
      const tab = current();
      tab?.content.paste(await pasteText());
      tab?.view.focus();
    }
  });
  commands.addCommand('jupyter-ssh:select-all', {
    label: 'Select All',
    isVisible: isCurrent,
    isEnabled: isCurrent,
    execute: () => current()?.view.screen?.selectAll()
  });
  commands.addCommand('jupyter-ssh:clear-scrollback', {
    label: 'Clear Scroll-back',
    isVisible: isCurrent,
    isEnabled: isCurrent,
    execute: () => current()?.view.screen?.clear()
  });
  commands.addCommand('jupyter-ssh:find', {
    label: 'Find…',
    isVisible: isCurrent,
    isEnabled: isCurrent,
    execute: () => commands.execute('documentsearch:start')
  });
  commands.addCommand('jupyter-ssh:reconnect', {
    label: 'Reconnect',
    isVisible: isCurrent,
    isEnabled: () => current()?.view.condition.strip !== null,
    execute: () => current()?.reconnect()
  });
  const fonts = [
    ['larger', 'Increase Font Size', 1],
    ['smaller', 'Decrease Font Size', -1],
    ['usual', 'Reset Font Size', 0]
  ] as const;
  for (const [name, label, step] of fonts) {
    commands.addCommand(`jupyter-ssh:font-${name}`, {
      label,
      isVisible: isCurrent,
      execute: () => settings.changeFont(step)
    });
  }
}

/** Offer them in the launcher and the palette. */
export function offer(launcher: ILauncher | null, palette: ICommandPalette | null): void {
  launcher?.add({ command: OPEN, category: 'Other', rank: 1 });
  palette?.addItem({ command: OPEN, category: CATEGORY, args: { isPalette: true } });
  for (const name of ['reconnect', 'find', 'clear-scrollback', 'font-larger', 'font-smaller', 'font-usual']) {
    palette?.addItem({ command: `jupyter-ssh:${name}`, category: CATEGORY });
  }
}
