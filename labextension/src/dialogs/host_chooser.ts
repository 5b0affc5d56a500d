/** The question which host to connect to: a field that filters the known hosts and accepts any other. */

import { Dialog } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';
import { LIMITS, type HostEntry } from '../services/terminals/messages';
import type { TranslationBundle } from '../translation';
import { destinationOf } from './destination';
import { element, freshId } from './elements';

const SHOWN = 200;

/** Return the hosts that contain every word of the query: those that begin with it first, else in the given order. */
export function filterHosts(hosts: HostEntry[], query: string): HostEntry[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const name = (entry: HostEntry): string => entry.name.toLowerCase();
  const found = hosts.filter(entry => words.every(word => name(entry).includes(word)));
  const begins = (entry: HostEntry): boolean => words.length > 0 && name(entry).startsWith(words[0] as string);
  return [...found.filter(begins), ...found.filter(entry => !begins(entry))].slice(0, SHOWN);
}

/** Ask for a host; null if the person cancels. `hosts` may still be loading; `typed` is the initial text. */
export async function chooseHost(
  hosts: Promise<HostEntry[]>,
  trans: TranslationBundle,
  typed = ''
): Promise<string | null> {
  const body = new HostChooser(typed, trans);
  hosts.then(
    list => body.offer(list),
    (error: unknown) => body.explain(error instanceof Error ? error.message : String(error))
  );
  const dialog = new Dialog({
    title: trans.__('SSH terminal'),
    body,
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Connect') })],
    focusNodeSelector: '.jssh-Chooser input'
  });
  dialog.addClass('jssh-ChooserDialog');
  body.onChosen = () => dialog.resolve(1);
  const result = await dialog.launch();
  const host = result.button.accept ? destinationOf(result.value ?? '') : '';
  return host === '' ? null : host;
}

class HostChooser extends Widget implements Dialog.IBodyWidget {
  onChosen: () => void = () => undefined;
  private readonly input = element('input', 'jssh-Input');
  private readonly list = element('ul', 'jssh-Hosts');
  private readonly note = element('div', 'jssh-Hint');
  private hosts: HostEntry[] = [];
  private shown: HostEntry[] = [];
  private active = -1;

  constructor(
    typed: string,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('jssh-Chooser');
    const { input, list, note } = this;
    list.id = freshId('hosts');
    list.setAttribute('role', 'listbox');
    list.setAttribute('aria-label', trans.__('Known hosts'));
    input.type = 'text';
    input.id = freshId('host');
    input.value = typed;
    input.placeholder = trans.__('[user@]host[:port]');
    input.spellcheck = false;
    input.autocomplete = 'off';
    input.maxLength = LIMITS.host;
    input.setAttribute('role', 'combobox');
    input.setAttribute('aria-expanded', 'true');
    input.setAttribute('aria-autocomplete', 'list');
    input.setAttribute('aria-controls', list.id);
    note.setAttribute('role', 'status');
    note.textContent = trans.__('Looking for hosts …');
    const label = element('label', 'jssh-Label', trans.__('Connect to'));
    label.htmlFor = input.id;
    input.addEventListener('input', () => this.filter());
    input.addEventListener('keydown', event => this.onKey(event));
    this.node.append(label, input, list, note);
  }

  getValue(): string {
    return this.shown[this.active]?.name ?? this.input.value;
  }

  offer(hosts: HostEntry[]): void {
    this.hosts = hosts;
    this.list.hidden = hosts.length === 0;
    this.filter();
  }

  explain(text: string): void {
    this.note.textContent = text;
  }

  private filter(): void {
    this.shown = filterHosts(this.hosts, this.input.value);
    this.active = -1;
    this.list.replaceChildren(
      ...this.shown.map((entry, index) => {
        const source = element('span', 'jssh-Hosts-source', this.sourceOf(entry));
        const item = element('li', 'jssh-Hosts-item', element('span', 'jssh-Hosts-name', entry.name), source);
        item.id = `${this.list.id}-${index}`;
        item.setAttribute('role', 'option');
        item.addEventListener('mousedown', event => event.preventDefault()); // keep the focus in the field
        item.addEventListener('click', () => {
          this.mark(index);
          this.onChosen();
        });
        return item;
      })
    );
    this.note.textContent = this.describe();
    this.input.removeAttribute('aria-activedescendant');
  }

  private sourceOf({ source }: HostEntry): string {
    return source === 'connected' ? this.trans.__('connected') : source; // the others are names of files
  }

  private describe(): string {
    const { trans } = this;
    const count = this.shown.length;
    if (count > 0) {
      return this.input.value === ''
        ? trans._n('%1 known host', '%1 known hosts', count)
        : trans._n(
            '%1 known host: ↓ chooses. Enter connects to what you typed.',
            '%1 known hosts: ↓ chooses. Enter connects to what you typed.',
            count
          );
    }
    return this.hosts.length === 0
      ? trans.__('No hosts in ssh_config or known_hosts yet. Type one.')
      : trans.__('No known host matches. Enter connects to what you typed.');
  }

  private onKey(event: KeyboardEvent): void {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    const step = steps[event.key];
    if (step !== undefined && this.shown.length > 0) {
      event.preventDefault();
      event.stopPropagation();
      const from = this.active === -1 && step < 0 ? this.shown.length : this.active;
      this.mark(Math.max(0, Math.min(this.shown.length - 1, from + step)));
    }
  }

  private mark(index: number): void {
    this.list.children[this.active]?.removeAttribute('aria-selected');
    this.active = index;
    const item = this.list.children[index];
    item?.setAttribute('aria-selected', 'true');
    item?.scrollIntoView({ block: 'nearest' });
    this.input.setAttribute('aria-activedescendant', item?.id ?? '');
    this.note.textContent = this.trans.__('Enter connects to %1.', this.getValue());
  }
}
