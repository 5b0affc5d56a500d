/** The small parts of a terminal on a page: keys, hidden links, the clipboard, what Lab's widget is connected to. */

import { frames } from '../support/page';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Dialog } from '@jupyterlab/apputils';
import type { ILinkHandler, Terminal as XTerm } from '@xterm/xterm';
import { TerminalAdapter } from '../../src/terminal/adapter';
import { copyText, pasteText } from '../../src/terminal/clipboard';
import { belongsToTerminal, guardKeys } from '../../src/terminal/keys';
import { showHiddenLinks } from '../../src/terminal/links';
import { trans } from '../support/texts';
import { until } from '../support/until';

const SUPPRESS = 'data-lm-suppress-shortcuts';

describe('keys', () => {
  const pressed = (keys: Partial<KeyboardEventInit>, isMac = false): boolean =>
    belongsToTerminal(new KeyboardEvent('keydown', { key: 'b', ...keys }), isMac);

  it('are the terminal’s, but those with Ctrl and Shift or with Cmd', () => {
    expect(pressed({})).toBe(true);
    expect(pressed({ ctrlKey: true })).toBe(true);
    expect(pressed({ shiftKey: true })).toBe(true);
    expect(pressed({ ctrlKey: true, shiftKey: true })).toBe(false);
    expect(pressed({ metaKey: true })).toBe(false);
    expect(pressed({ ctrlKey: true, shiftKey: true }, true)).toBe(true);
  });

  it('that a program gets are kept from Lab while they are pressed in a terminal', () => {
    const [ours, other] = ['jssh-Terminal', 'jssh-Terminal'].map(className => {
      const node = document.body.appendChild(document.createElement('div'));
      node.className = className;
      node.append(document.createElement('textarea'));
      return node;
    }) as unknown as [HTMLElement, HTMLElement];
    guardKeys(ours);
    const press = (node: HTMLElement, init: KeyboardEventInit): void => {
      node.firstElementChild?.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, ...init }));
    };
    press(ours, { key: 'b', ctrlKey: true });
    press(other, { key: 'b', ctrlKey: true });
    expect([ours, other].map(node => node.hasAttribute(SUPPRESS))).toEqual([true, false]);
    press(ours, { key: 'f', ctrlKey: true, shiftKey: true });
    expect(ours.hasAttribute(SUPPRESS)).toBe(false);
    ours.remove();
    other.remove();
  });
});

describe('a link behind a text', () => {
  let node: HTMLElement;
  let handler: ILinkHandler;
  const focus = vi.fn();
  const open = vi.fn();

  beforeEach(() => {
    focus.mockReset();
    open.mockReset();
    vi.stubGlobal('open', open);
    node = document.createElement('div');
    const terminal = { options: {} as { linkHandler?: ILinkHandler }, focus };
    showHiddenLinks(terminal as unknown as XTerm, node, trans);
    handler = terminal.options.linkHandler as ILinkHandler;
  });

  afterEach(async () => {
    await frames();
    Dialog.flush();
    vi.unstubAllGlobals();
  });

  const click = (button = 0): void =>
    handler.activate(new MouseEvent('click', { button }), 'https://else.where/\u202e', null as never);

  it('says where it leads', () => {
    handler.hover?.(new MouseEvent('move'), 'https://else.where/\u202e', null as never);
    expect(node.title).toBe('https://else.where/\ufffd');
    handler.leave?.(new MouseEvent('move'), '', null as never);
    expect(node.title).toBe('');
  });

  it.each([
    ['Open', 1],
    ['Cancel', 0]
  ])('is shown before it is opened: %s', async (answer, times) => {
    click();
    const button = await until(() => {
      const found = [...document.querySelectorAll<HTMLElement>('.jp-Dialog button')].find(
        ({ textContent }) => textContent.trim() === answer
      );
      expect(found).toBeDefined();
      return found;
    });
    expect(document.querySelector('.jssh-Address code')?.textContent).toBe('https://else.where/\ufffd');
    button?.click();
    await until(() => expect(focus).toHaveBeenCalled());
    expect(open).toHaveBeenCalledTimes(times);
  });

  it('is no matter of the other buttons', async () => {
    click(2);
    await frames();
    expect(document.querySelector('.jp-Dialog')).toBeNull();
  });
});

describe('the clipboard', () => {
  const clipboard = { writeText: vi.fn(), readText: vi.fn(() => Promise.resolve('pasted')) };

  afterEach(() => vi.unstubAllGlobals());

  it('is the browser’s', async () => {
    vi.stubGlobal('isSecureContext', true);
    Object.assign(navigator, { clipboard });
    await copyText('copied');
    expect(clipboard.writeText).toHaveBeenCalledWith('copied');
    expect(await pasteText(trans)).toBe('pasted');
  });

  it('is reached by selecting a text without TLS, after which the focus is where it was', async () => {
    vi.stubGlobal('isSecureContext', false);
    const field = document.body.appendChild(document.createElement('input'));
    field.focus();
    let selected = '';
    const copy = (): boolean => {
      const area = document.querySelector('textarea') as HTMLTextAreaElement;
      selected = area.value.slice(area.selectionStart, area.selectionEnd);
      return true;
    };
    Object.assign(document, { execCommand: copy });
    await copyText('copied');
    expect(selected).toBe('copied');
    expect(document.activeElement).toBe(field);
    expect(document.querySelector('textarea')).toBeNull();
    await expect(pasteText(trans)).rejects.toThrow('Without HTTPS');
    field.remove();
  });
});

it('what Lab’s widget is connected to hands on what is typed and sized, and ends nothing', async () => {
  const heard: string[] = [];
  const adapter = new TerminalAdapter('s', { typed: text => heard.push(text), sized: () => heard.push('sized') });
  adapter.send({ type: 'stdin', content: ['ls'] });
  adapter.send({ type: 'set_size', content: [24, 80] });
  adapter.send({ type: 'disconnect' });
  adapter.send({ type: 'stdin' });
  expect(heard).toEqual(['ls', 'sized', '']);
  expect(adapter.model).toEqual({ name: 's' });
  const disposed = vi.fn();
  adapter.disposed.connect(disposed);
  await Promise.all([adapter.reconnect(), adapter.shutdown()]);
  adapter.dispose();
  adapter.dispose();
  expect(disposed).toHaveBeenCalledTimes(1);
  expect(adapter.isDisposed).toBe(true);
});
