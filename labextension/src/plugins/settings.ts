/** The person's settings for SSH terminals. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { SettingsStore } from '../settings';
import { ISettings } from '../tokens';

export const settingsPlugin: JupyterFrontEndPlugin<ISettings> = {
  id: 'jupyterlab-ssh:settings',
  description: 'Reads the settings of SSH terminals',
  autoStart: true,
  provides: ISettings,
  optional: [ISettingRegistry],
  activate: (_: JupyterFrontEnd, registry: ISettingRegistry | null): ISettings => new SettingsStore(registry)
};
