/** Where the tab of a terminal that is opened from a document is placed. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { Widget } from '@lumino/widgets';
import type { OpenOptions, Terminals } from './terminals';

type Tabs = Pick<Terminals['tabs'], 'find'>;

/** Add it to the terminals beside the document that contains the node. */
export function joining(shell: JupyterFrontEnd.IShell, tabs: Tabs, node: Node): OpenOptions {
  const document = documentOf(shell, node);
  const beside = tabs.find(tab => tab.isVisible && document?.isVisible === true);
  return beside === undefined ? {} : { ref: beside.id };
}

/** Add it to the terminals beside the document, or make room for it there. */
export function besideDocument(shell: JupyterFrontEnd.IShell, tabs: Tabs, node: Node): OpenOptions {
  const joined = joining(shell, tabs, node);
  const document = documentOf(shell, node);
  return joined.ref !== undefined || document === undefined ? joined : { mode: 'split-right', ref: document.id };
}

function documentOf(shell: JupyterFrontEnd.IShell, node: Node): Widget | undefined {
  return [...shell.widgets('main')].find(widget => widget.node.contains(node));
}
