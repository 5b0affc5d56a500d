/** The commands: opening, clipboard, search, font, reconnecting. Keys and menus for them are in schema/terminal.json. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { copyText, pasteText } from '../terminal/clipboard';
import { sshIcon, type SessionTab } from '../terminal/tab';
import { ISettings, ITerminals } from '../tokens';
import { textsOf, type TranslationBundle } from '../translation';

const OPEN = 'jupyter-ssh:open-terminal';
/** The commands that are also in the palette. */
const IN_PALETTE = ['reconnect', 'find', 'clear-scrollback', 'font-larger', 'font-smaller', 'font-usual'];

export const commandsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-ssh:commands',
  description: 'Adds the commands of SSH terminals',
  autoStart: true,
  requires: [ITerminals, ISettings],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, terminals: ITerminals, settings: ISettings, translator: ITranslator | null) =>
    addCommands(app, terminals, settings, textsOf(translator))
};

export const launcherPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-ssh:launcher',
  description: 'Offers SSH terminals in the launcher',
  autoStart: true,
  optional: [ILauncher, ITranslator],
  activate: (_: JupyterFrontEnd, launcher: ILauncher | null, translator: ITranslator | null) => {
    const category = (translator ?? nullTranslator).load('jupyterlab').__('Other'); // a category of Lab's
    launcher?.add({ command: OPEN, category, rank: 1 });
  }
};

export const palettePlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-ssh:palette',
  description: 'Offers the commands of SSH terminals in the palette',
  autoStart: true,
  optional: [ICommandPalette, ITranslator],
  activate: (_: JupyterFrontEnd, palette: ICommandPalette | null, translator: ITranslator | null) => {
    const category = textsOf(translator).__('SSH');
    palette?.addItem({ command: OPEN, category, args: { isPalette: true } });
    for (const name of IN_PALETTE) {
      palette?.addItem({ command: `jupyter-ssh:${name}`, category });
    }
  }
};

function addCommands(app: JupyterFrontEnd, terminals: ITerminals, settings: ISettings, trans: TranslationBundle): void {
  const { commands } = app;
  const current = (): SessionTab | null => {
    const tab = terminals.tabs.currentWidget;
    return tab !== null && tab === app.shell.currentWidget ? tab : null;
  };
  const isCurrent = (): boolean => current() !== null;

  commands.addCommand(OPEN, {
    label: args => (args['isPalette'] ? trans.__('New SSH Terminal') : trans.__('SSH Terminal')),
    caption: trans.__('A terminal on another machine'),
    icon: args => (args['isPalette'] ? undefined : sshIcon),
    execute: args => terminals.openHost(typeof args['host'] === 'string' ? args['host'] : null)
  });
  commands.addCommand('jupyter-ssh:copy', {
    label: trans.__('Copy'),
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
    label: trans.__('Paste'),
    isEnabled: isCurrent,
    isVisible: isCurrent,
    execute: async () => {
      const tab = current();
      tab?.content.paste(await pasteText(trans));
      tab?.view.focus();
    }
  });
  commands.addCommand('jupyter-ssh:select-all', {
    label: trans.__('Select All'),
    isVisible: isCurrent,
    isEnabled: isCurrent,
    execute: () => current()?.view.screen?.selectAll()
  });
  commands.addCommand('jupyter-ssh:clear-scrollback', {
    label: trans.__('Clear Scroll-back'),
    isVisible: isCurrent,
    isEnabled: isCurrent,
    execute: () => current()?.view.screen?.clear()
  });
  commands.addCommand('jupyter-ssh:find', {
    label: trans.__('Find…'),
    isVisible: isCurrent,
    isEnabled: isCurrent,
    execute: () => commands.execute('documentsearch:start')
  });
  commands.addCommand('jupyter-ssh:reconnect', {
    label: trans.__('Reconnect'),
    isVisible: isCurrent,
    isEnabled: () => current()?.view.condition.strip !== null,
    execute: () => current()?.reconnect()
  });
  const fonts = [
    ['larger', trans.__('Increase Font Size'), 1],
    ['smaller', trans.__('Decrease Font Size'), -1],
    ['usual', trans.__('Reset Font Size'), 0]
  ] as const;
  for (const [name, label, step] of fonts) {
    commands.addCommand(`jupyter-ssh:font-${name}`, {
      label,
      isVisible: isCurrent,
      execute: () => settings.changeFont(step)
    });
  }
}
