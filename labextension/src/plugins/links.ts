/**
 * Links to machines, `ssh://[user@]host[:port]`, in the text of notebooks and documents: a click opens a terminal. A
 * stranger's page can contain one, so a host that is not in the person's own files is shown before connecting to it.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ISanitizer } from '@jupyterlab/apputils';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { ITranslator } from '@jupyterlab/translation';
import { destinationOfLink } from '../dialogs/destination';
import { chooseHost } from '../dialogs/host_chooser';
import { terminals as terminalsService } from '../services/terminals/service';
import { besideDocument } from '../terminal/layout';
import { IPlaces, ITerminals } from '../tokens';
import { textsOf } from '../translation';

const SANITIZER = '@jupyterlab/apputils-extension:sanitizer';
const SCHEME = 'ssh';
/** Where Lab renders the text of documents. */
const TEXT = '.jp-RenderedHTMLCommon, .jp-RenderedHTML';

interface Schemes {
  setAllowedSchemes?: (schemes: string[]) => void;
}

export const linksPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-ssh:links',
  description: 'Opens SSH terminals for links to machines',
  autoStart: true,
  requires: [IPlaces, ITerminals],
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- as a type; it is the token as well
  optional: [ISanitizer, ISettingRegistry, ITranslator],
  activate: (
    { shell }: JupyterFrontEnd,
    places: IPlaces,
    terminals: ITerminals,
    sanitizer: IRenderMime.ISanitizer | null,
    registry: ISettingRegistry | null,
    translator: ITranslator | null
  ): void => {
    if (sanitizer !== null) {
      allowLinks(sanitizer, registry);
    }
    const trans = textsOf(translator);
    followLinks(async (destination, link) => {
      const hosts = places.host().then(place => place.service(terminalsService).hosts());
      const isKnown = await hosts.then(
        list => list.some(({ name }) => name === destination),
        () => false // the chooser reports it
      );
      const chosen = isKnown ? destination : await chooseHost(hosts, trans, destination);
      if (chosen !== null) {
        await terminals.openHost(chosen, besideDocument(shell, terminals.tabs, link));
      }
    });
  }
};

/** Let Lab keep such links when it sanitizes the text of documents. */
function allowLinks(sanitizer: IRenderMime.ISanitizer, registry: ISettingRegistry | null): void {
  const schemes = sanitizer as Schemes;
  const set = schemes.setAllowedSchemes?.bind(sanitizer);
  if (set !== undefined) {
    // Lab repeats this whenever its settings change, and may have done so already.
    const allow = (allowed: string[]): void => set([...new Set([...allowed, SCHEME])]);
    schemes.setAllowedSchemes = allow;
    registry?.load(SANITIZER).then(
      settings => allow((settings.composite['allowedSchemes'] as string[] | undefined) ?? []),
      (error: unknown) => console.warn('jupyter_ssh: no links to machines', error)
    );
  }
}

/** Call `open` when such a link is clicked. */
function followLinks(open: (destination: string, link: Node) => Promise<void>): void {
  const follow = (event: MouseEvent): void => {
    const link = event.target instanceof Element ? event.target.closest(`a[href^="${SCHEME}:"]`) : null;
    const destination = link?.closest(TEXT) ? destinationOfLink(link.getAttribute('href') ?? '') : null;
    if (link === null || destination === null || event.button !== 0) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    // A second click comes too soon, or is one that Lab takes for the start of editing the text.
    if (event.type === 'click' && link.ariaBusy !== 'true') {
      link.ariaBusy = 'true'; // the very first terminal takes a second or two
      void open(destination, link).finally(() => {
        link.ariaBusy = null;
      });
    }
  };
  document.addEventListener('click', follow, true);
  document.addEventListener('dblclick', follow, true);
}
