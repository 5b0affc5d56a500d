/** HTML elements with text that is never markup. */

/** Return an element with a class and children; strings become text. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className !== '') {
    made.className = className;
  }
  made.append(...children);
  return made;
}

/** Return a button that looks like those of Lab's dialogs. */
export function button(text: string, look: 'accept' | 'reject' | 'warn', onClick: () => void): HTMLButtonElement {
  const made = element('button', `jssh-Button jp-mod-styled jp-mod-${look}`, text);
  made.type = 'button';
  made.addEventListener('click', onClick);
  return made;
}

let counter = 0;

/** Return an id that no other element has. */
export function freshId(name: string): string {
  counter += 1;
  return `jssh-${name}-${counter}`;
}

/** Return a remote's text for people: without control characters except line feeds, and of limited length. */
export function remoteText(text: string, limit = 8192): string {
  const clean = text.replace(/\r\n?/g, '\n').replace(/[^\P{C}\n\t]/gu, '\ufffd');
  return clean.length > limit ? `${clean.slice(0, limit)} …` : clean;
}
