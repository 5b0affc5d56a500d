/** `%ssh_terminal` in an output: the terminal itself, or a line with a button for its tab. */

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Panel, Widget } from '@lumino/widgets';
import type { Places } from '../connection/places';
import { button, element } from '../dialogs/elements';
import type { Manager, SessionArgs } from '../manager';

export const MIME_TYPE = 'application/vnd.jupyter-ssh.terminal+json';

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

/** The renderer for a rendermime registry. */
export function rendererFactory(manager: Manager, places: Places): IRenderMime.IRendererFactory {
  return {
    safe: true,
    mimeTypes: [MIME_TYPE],
    createRenderer: () => new TerminalOutput(manager, places)
  };
}

class TerminalOutput extends Panel implements IRenderMime.IRenderer {
  constructor(
    private readonly manager: Manager,
    private readonly places: Places
  ) {
    super();
    this.addClass('jssh-Output');
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const data: unknown = model.data[MIME_TYPE];
    this.clear();
    if (!isOutput(data)) {
      this.addWidget(new Widget({ node: element('div', 'jssh-Card', 'This SSH terminal is of another version.') }));
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
    const view = this.manager.openInline(args);
    const frame = new Panel();
    frame.addClass('jssh-Inline');
    const bar = new Panel();
    bar.addClass('jssh-Inline-bar');
    bar.addWidget(view.status);
    const open = element('div', 'jssh-Inline-buttons');
    open.append(
      button('Open in a tab', 'reject', () => {
        this.manager.openTab(args);
      })
    );
    bar.addWidget(new Widget({ node: open }));
    view.changed.connect(() => {
      open.hidden = !view.isAlive; // what is over has nothing to show elsewhere
    });
    frame.addWidget(bar);
    frame.addWidget(view.strip);
    frame.addWidget(view.terminal);
    frame.node.append(view.questions.node);
    // The notebook's keys are not for what is typed here.
    frame.node.setAttribute('data-lm-suppress-shortcuts', 'true');
    this.addWidget(frame);
    requestAnimationFrame(() => view.terminal.fit());
  }

  private showCard(args: SessionArgs): void {
    const text = element('span', 'jssh-Card-text', `SSH terminal on ${args.host}`);
    const open = button('Show the terminal', 'accept', () => {
      this.manager.openTab(args);
    });
    this.addWidget(new Widget({ node: element('div', 'jssh-Card', text, open) }));
  }

  /** A tab opens by itself the first time only: not when a saved notebook is read. */
  private openOnce(args: SessionArgs): void {
    this.places
      .at(args.place)
      .session(args.session)
      .then(
        description => {
          if (description?.wanted && !this.isDisposed) {
            this.manager.openTab({ ...args, host: description.host }, this.manager.joining(this.node));
          }
        },
        () => undefined // the card says what can be done
      );
  }
}
