/** `%ssh_terminal` in an output: the terminal itself, or a line with a button for its tab. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { ITranslator } from '@jupyterlab/translation';
import { Panel, Widget } from '@lumino/widgets';
import { button, element } from '../dialogs/elements';
import { terminals as terminalsService } from '../services/terminals/service';
import { joining } from '../terminal/layout';
import type { SessionArgs } from '../terminal/terminals';
import { IPlaces, ITerminals } from '../tokens';
import { textsOf, type TranslationBundle } from '../translation';

const MIME_TYPE = 'application/vnd.jupyter-ssh.terminal+json';

export const outputsPlugin: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-ssh:outputs',
  description: 'Draws the outputs of %ssh_terminal',
  autoStart: true,
  requires: [IPlaces, ITerminals],
  optional: [IRenderMimeRegistry, ITranslator],
  activate: (
    { shell }: JupyterFrontEnd,
    places: IPlaces,
    terminals: ITerminals,
    rendermime: IRenderMimeRegistry | null,
    translator: ITranslator | null
  ): void => {
    const page = { shell, places, terminals, trans: textsOf(translator) };
    const createRenderer = (): IRenderMime.IRenderer => new TerminalOutput(page);
    rendermime?.addFactory({ safe: true, mimeTypes: [MIME_TYPE], createRenderer }, 0);
  }
};

interface Page {
  shell: JupyterFrontEnd.IShell;
  places: IPlaces;
  terminals: ITerminals;
  trans: TranslationBundle;
}

interface Output {
  version: number;
  place: string;
  session: string;
  name: string;
  inline: boolean;
}

function isOutput(data: unknown): data is Output {
  const output = data as Partial<Output> | null;
  return typeof output?.place === 'string' && typeof output.session === 'string' && output.version === 1;
}

class TerminalOutput extends Panel implements IRenderMime.IRenderer {
  constructor(private readonly page: Page) {
    super();
    this.addClass('jssh-Output');
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const data: unknown = model.data[MIME_TYPE];
    this.clear();
    if (!isOutput(data)) {
      const text = this.page.trans.__('This SSH terminal needs another version of the extension.');
      this.addWidget(new Widget({ node: element('div', 'jssh-Card', text) }));
      return Promise.resolve();
    }
    const args = { place: data.place, session: data.session, host: data.name ?? '' };
    if (data.inline) {
      this.showInline(args);
    } else {
      this.showCard(args);
      this.openOnce(args);
    }
    return Promise.resolve();
  }

  override dispose(): void {
    this.clear();
    super.dispose();
  }

  private clear(): void {
    for (const widget of [...this.widgets]) {
      widget.dispose();
    }
  }

  private showInline(args: SessionArgs): void {
    const view = this.page.terminals.openView(args);
    const frame = new Panel();
    frame.addClass('jssh-Inline');
    const bar = new Panel();
    bar.addClass('jssh-Inline-bar');
    bar.addWidget(view.status);
    const open = element('div', 'jssh-Inline-buttons');
    open.append(
      button(this.page.trans.__('Open in a tab'), 'reject', () => {
        this.page.terminals.openTab(args);
      })
    );
    bar.addWidget(new Widget({ node: open }));
    view.changed.connect(() => {
      open.hidden = !view.isAlive; // an ended session has nothing to show in a tab
    });
    frame.addWidget(bar);
    frame.addWidget(view.strip);
    frame.addWidget(view.terminal);
    frame.node.append(view.questions.node);
    // What is typed here must not trigger the notebook's keys.
    frame.node.setAttribute('data-lm-suppress-shortcuts', 'true');
    this.addWidget(frame);
    requestAnimationFrame(() => view.terminal.fit());
  }

  private showCard(args: SessionArgs): void {
    const text = element('span', 'jssh-Card-text', this.page.trans.__('SSH terminal on %1', args.host));
    const open = button(this.page.trans.__('Show the terminal'), 'accept', () => {
      this.page.terminals.openTab(args);
    });
    this.addWidget(new Widget({ node: element('div', 'jssh-Card', text, open) }));
  }

  /** Open a tab by itself the first time only: not when a saved notebook is read. */
  private openOnce(args: SessionArgs): void {
    const { shell, places, terminals } = this.page;
    places
      .at(args.place)
      .service(terminalsService)
      .session(args.session)
      .then(
        description => {
          if (description?.wanted && !this.isDisposed) {
            terminals.openTab({ ...args, host: description.host }, joining(shell, terminals.tabs, this.node));
          }
        },
        () => undefined // the card says what can be done
      );
  }
}
