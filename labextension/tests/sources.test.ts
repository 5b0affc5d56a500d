/** The rules of the page's sources. */

import { describe, expect, it } from 'vitest';
import schema from '../schema/terminal.json';
import { DOMAIN } from '../src/translation';
import { circles, importsOf, SOURCES, untranslated } from './support/sources';

/** A file imports from its own folder and from those before it. */
const ROOMS = [
  ...['translation', 'protocol', 'connection', 'settings', 'services', 'stream', 'dialogs', 'terminal'],
  ...['tokens', 'plugins', 'index']
];
const room = (path: string): number => ROOMS.indexOf(path.split('/')[0]?.replace(/(\.d)?\.tsx?$/, '') ?? '');

describe('imports', () => {
  const graph = importsOf(SOURCES);

  it('are found', () => {
    expect(graph.get('index.ts')).toContain('plugins/terminals.ts');
    expect(graph.get('connection/place.ts')).toContain('protocol/frames.ts');
  });

  it('make no circle', () => {
    expect(circles(graph)).toEqual([]);
    expect(
      circles(
        importsOf(
          new Map([
            ['a.ts', "import { b } from './folder/b';"],
            ['folder/b.ts', "export * from '../c';"],
            ['c.ts', "import type { A } from './a';"]
          ])
        )
      )
    ).toEqual(['a.ts → folder/b.ts → c.ts → a.ts']);
  });

  it('point one way', () => {
    const wrong = [...graph].flatMap(([path, targets]) =>
      targets.filter(target => room(target) < 0 || room(target) > room(path)).map(target => `${path} → ${target}`)
    );
    expect(wrong).toEqual([]);
  });
});

describe('texts', () => {
  it('are all given to the translator', () => {
    expect([...SOURCES].flatMap(([path, text]) => untranslated(path, text))).toEqual([]);
  });

  it('of the settings are in the same language packs', () => {
    expect(schema['jupyter.lab.internationalization'].domain).toBe(DOMAIN);
  });

  it.each([
    "node.textContent = 'ended';",
    'node.title = isGone ? trans.__("gone") : `still ${there}`;',
    "const dialog = new Dialog({ title: trans.__('Yes?'), buttons: [Dialog.okButton({ label: 'yes' })] });",
    "commands.addCommand('x:y', { label: () => 'open' });",
    "field.placeholder = 'host';",
    "field.setAttribute('aria-label', 'hosts');",
    "row.append(element('span', 'jssh-Note', 'none'));",
    "button('go', 'accept', open);",
    "const words = { lost: 'The connection was lost.' };",
    "return 'Reconnecting …';",
    'throw new RequestError(`No answer from ${host}`);',
    "view.say(['Waiting for it']);",
    'const row = <div aria-label="hosts">{count}</div>;',
    'const row = <div>none</div>;'
  ])('are found that are not: %s', code => {
    expect(untranslated('some.tsx', code)).toHaveLength(1);
  });

  it.each([
    "node.textContent = trans.__('ended');",
    "node.textContent = trans._n('%1 host', '%1 hosts', count);",
    'node.title = `${host}: ${text}`;',
    "if (event.key === 'Enter') { node.className = 'jssh-Dot jssh-mod-busy'; }",
    "const plugin = { id: 'x:y', description: 'Opens terminals in tabs' };",
    "console.warn('jupyter_ssh: no settings', error);",
    "node.setAttribute('role', 'status');",
    "element('div', 'jssh-Strip');",
    "button(trans.__('go'), 'accept', open);",
    "throw new FrameError('a control frame without a type');",
    "type State = 'Not shown' | 'Shown at last';"
  ])('are no others: %s', code => {
    expect(untranslated('some.tsx', code)).toEqual([]);
  });
});
