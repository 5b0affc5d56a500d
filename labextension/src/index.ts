/** The plugins of the extension; each has one purpose, and provides the others with a token of tokens.ts or nothing. */

import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { commandsPlugin, launcherPlugin, palettePlugin } from './plugins/commands';
import { linksPlugin } from './plugins/links';
import { outputsPlugin } from './plugins/outputs';
import { placesPlugin } from './plugins/places';
import { questionsPlugin } from './plugins/questions';
import { runningPlugin } from './plugins/running';
import { settingsPlugin } from './plugins/settings';
import { sessionListPlugin, terminalsPlugin } from './plugins/terminals';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  placesPlugin,
  settingsPlugin,
  questionsPlugin,
  sessionListPlugin,
  terminalsPlugin,
  commandsPlugin,
  launcherPlugin,
  palettePlugin,
  runningPlugin,
  outputsPlugin,
  linksPlugin
];

export default plugins;
