/** The sources as trees: which file imports which, and the texts in them that no translator sees. */

/// <reference types="vite/client" />
import ts from 'typescript';

const found = import.meta.glob<string>('../../src/**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true });

/** Each file's text by its path in src. */
export const SOURCES = new Map(
  Object.entries(found).map(([path, text]) => [path.replace('../../src/', ''), text] as const)
);

function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, child => walk(child, visit));
}

/** For each file the files of src that it imports, also where it takes types alone. */
export function importsOf(sources: ReadonlyMap<string, string>): Map<string, string[]> {
  const graph = new Map<string, string[]>();
  for (const [path, text] of sources) {
    const targets: string[] = [];
    walk(parse(path, text), node => {
      const from =
        ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
          ? node.moduleSpecifier
          : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
            ? node.argument.literal
            : undefined;
      if (from !== undefined && ts.isStringLiteral(from) && from.text.startsWith('.')) {
        const folder = path.split('/').slice(0, -1).join('/');
        const target = new URL(from.text, `file:///${folder === '' ? '' : `${folder}/`}`).pathname.slice(1);
        targets.push(...[`${target}.ts`, `${target}.tsx`].filter(name => sources.has(name)));
      }
    });
    graph.set(path, targets);
  }
  return graph;
}

/** One way around for each circle of files that import each other. */
export function circles(graph: ReadonlyMap<string, string[]>): string[] {
  const done = new Set<string>();
  const way: string[] = [];
  const circles: string[] = [];
  const visit = (file: string): void => {
    if (way.includes(file)) {
      circles.push([...way.slice(way.indexOf(file)), file].join(' → '));
    } else if (!done.has(file)) {
      way.push(file);
      graph.get(file)?.forEach(visit);
      way.pop();
      done.add(file);
    }
  };
  [...graph.keys()].forEach(visit);
  return circles;
}

const TRANSLATING = ['__', '_n', '_p', '_np', 'gettext', 'ngettext', 'pgettext', 'npgettext'];
/** Read by those who write the software: what these make, and members of these names in what plugins say of themselves. */
const FOR_DEVELOPERS = ['Error', 'FrameError', 'checkMembers', 'Token', 'warn', 'error'];
const OF_PLUGINS = ['id', 'description'];
/** Where a text goes that people read: members, attributes and the arguments of functions from a certain one on. */
const MEMBERS = new Set(
  ['textContent', 'innerText', 'innerHTML', 'title', 'placeholder', 'ariaLabel', 'caption', 'label', 'tooltip'].concat([
    'body',
    'shutdownLabel',
    'shutdownAllLabel',
    'category'
  ])
);
const ATTRIBUTES = ['aria-label', 'aria-description', 'title', 'placeholder', 'alt'];
const ARGUMENTS: Record<string, number> = { element: 2, button: 0, createTextNode: 0, append: 0, prepend: 0 };
const ARGUMENTS_END: Record<string, number> = { button: 1, createTextNode: 1 };
const CLASSES = /^(\s*(jssh|jp|lm)-\S*)+\s*$/;
const PROSE = /\p{L}{2,}[,:;]?\s+\S*\p{L}|^\p{Lu}\p{Ll}|…|\p{L}[.?!]$/u;

/** The same in every language, or read by machines. */
const NAMES = ['SHA-256', 'MD5', 'SHA256:…', 'GiB', 'MiB', 'KiB', 'SSH Terminal', 'CapsLock'];

type Literal = ts.StringLiteral | ts.NoSubstitutionTemplateLiteral | ts.TemplateExpression | ts.JsxText;

function isLiteral(node: ts.Node): node is Literal {
  return ts.isStringLiteralLike(node) || ts.isTemplateExpression(node) || ts.isJsxText(node);
}

function textOf(node: Literal): string {
  return ts.isTemplateExpression(node)
    ? [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join(' ')
    : node.text;
}

function nameOf(callee: ts.Expression): string {
  return ts.isPropertyAccessExpression(callee) ? callee.name.text : ts.isIdentifier(callee) ? callee.text : '';
}

/** The literals of a file that people read and that are given to no translator, each with its line. */
export function untranslated(path: string, text: string): string[] {
  const source = parse(path, text);
  const found: string[] = [];
  walk(source, node => {
    if (isLiteral(node) && !isExempt(node) && (isProse(node) || (hasLetter(node) && isShown(node)))) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      found.push(`${path}:${line + 1}: ${textOf(node).trim()}`);
    }
  });
  return found;
}

function hasLetter(node: Literal): boolean {
  return /\p{L}/u.test(textOf(node)) && !NAMES.includes(textOf(node)) && !CLASSES.test(textOf(node));
}

function isProse(node: Literal): boolean {
  const text = textOf(node);
  const isSelector = /^[.#[]/.test(text);
  return hasLetter(node) && !isSelector && (ts.isJsxText(node) || PROSE.test(text));
}

/** No text for people: a name in the code, a type, something that is compared, or what developers read. */
function isExempt(node: Literal): boolean {
  const { parent } = node;
  if (
    ts.isImportDeclaration(parent) ||
    ts.isExportDeclaration(parent) ||
    ts.isLiteralTypeNode(parent) ||
    ts.isCaseClause(parent) ||
    ts.isElementAccessExpression(parent) ||
    (ts.isPropertyAssignment(parent) && parent.name === node) ||
    (ts.isBinaryExpression(parent) && parent.operatorToken.getText().includes('=='))
  ) {
    return true;
  }
  for (let up: ts.Node = node; up.parent !== undefined; up = up.parent) {
    const { parent: above } = up;
    if ((ts.isCallExpression(above) || ts.isNewExpression(above)) && above.expression !== up) {
      const name = nameOf(above.expression);
      const isReasonOfClosing = above.arguments?.[0]?.getText().startsWith('CLOSE.');
      if (TRANSLATING.includes(name) || FOR_DEVELOPERS.includes(name) || isReasonOfClosing) {
        return true;
      }
    }
    if (ts.isPropertyAssignment(above) && OF_PLUGINS.includes(above.name.getText())) {
      return true;
    }
    if (ts.isStatement(above)) {
      break;
    }
  }
  return false;
}

/** Whether it is a part of what people are shown. */
function isShown(node: ts.Node): boolean {
  for (let up = node; up.parent !== undefined; up = up.parent) {
    const { parent } = up;
    if (ts.isPropertyAssignment(parent) && parent.initializer === up) {
      return MEMBERS.has(parent.name.getText());
    }
    if (ts.isBinaryExpression(parent) && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken) {
      return ts.isPropertyAccessExpression(parent.left) && MEMBERS.has(parent.left.name.text);
    }
    if (ts.isJsxAttribute(parent)) {
      return ATTRIBUTES.includes(parent.name.getText());
    }
    if (ts.isCallExpression(parent)) {
      return isShownBy(parent, up);
    }
    if (!ts.isExpression(parent) && !ts.isTemplateSpan(parent)) {
      return false;
    }
  }
  return false;
}

function isShownBy(call: ts.CallExpression, argument: ts.Node): boolean {
  const name = nameOf(call.expression);
  const index = call.arguments.indexOf(argument as ts.Expression);
  if (name === 'setAttribute') {
    const [attribute] = call.arguments;
    return index === 1 && attribute !== undefined && ATTRIBUTES.includes(textOf(attribute as Literal));
  }
  const from = ARGUMENTS[name];
  return from !== undefined && index >= from && index < (ARGUMENTS_END[name] ?? Infinity);
}
