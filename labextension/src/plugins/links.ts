/**
 * Links to machines, `ssh://[user@]host[:port]`, in the text of notebooks and documents: a click opens a terminal.
 * A page of a stranger can hold one: a host that the person's own files do not name is shown before it is connected to.
 */

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { destinationOfLink } from '../dialogs/destination';
import type { Manager } from '../manager';

const SANITIZER = '@jupyterlab/apputils-extension:sanitizer';
const SCHEME = 'ssh';
/** Where Lab draws what documents say. */
const TEXT = '.jp-RenderedHTMLCommon, .jp-RenderedHTML';

interface Schemes {
  setAllowedSchemes?: (schemes: string[]) => void;
}

/** Let Lab keep such links when it cleans what a document says. */
export function allowLinks(sanitizer: IRenderMime.ISanitizer, registry: ISettingRegistry | null): void {
  const schemes = sanitizer as Schemes;
  const set = schemes.setAllowedSchemes?.bind(sanitizer);
  if (set !== undefined) {
    // Lab says it anew whenever its settings change, and may have said it already.
    const allow = (allowed: string[]): void => set([...new Set([...allowed, SCHEME])]);
    schemes.setAllowedSchemes = allow;
    registry?.load(SANITIZER).then(
      settings => allow((settings.composite['allowedSchemes'] as string[] | undefined) ?? []),
      (error: unknown) => console.warn('jupyter_ssh: no links to machines', error)
    );
  }
}

/** Open a terminal where such a link is clicked. */
export function followLinks(manager: Manager): void {
  const follow = (event: MouseEvent): void => {
    const link = event.target instanceof Element ? event.target.closest(`a[href^="${SCHEME}:"]`) : null;
    const destination = link?.closest(TEXT) ? destinationOfLink(link.getAttribute('href') ?? '') : null;
    if (link === null || destination === null || event.button !== 0) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    // A second click comes too soon, or is one that Lab would take for a wish to edit the text.
    if (event.type === 'click' && link.ariaBusy !== 'true') {
      link.ariaBusy = 'true'; // the first terminal of all takes a second or two
      void manager.follow(destination, link).finally(() => {
        link.ariaBusy = null;
      });
    }
  };
  document.addEventListener('click', follow, true);
  document.addEventListener('dblclick', follow, true);
}
