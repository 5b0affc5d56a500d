/** What a person types as a host. */

const HOST_AND_PORT = /^(?:[^\s@/]+@)?[^\s@/:[\]]+:\d{1,5}$/;

/** What was typed as ssh takes it: a port only has a place in an address. */
export function destinationOf(typed: string): string {
  const text = typed.trim();
  return HOST_AND_PORT.test(text) ? `ssh://${text}` : text;
}

const LINK = /^ssh:\/\/(?:([\w.+~-]+)@)?([\w.-]+|\[[\da-f:.]+(?:%[\w.-]+)?\])(?::(\d{1,5}))?\/?$/i;

/** Where a link leads, as ssh takes it; null for one that names no machine, or more than that. */
export function destinationOfLink(link: string): string | null {
  const [, user, host, port] = LINK.exec(link) ?? [];
  if (host === undefined || host.startsWith('-') || user?.startsWith('-')) {
    return null;
  }
  const whole = user === undefined ? host : `${user}@${host}`;
  return port === undefined && !host.startsWith('[') ? whole : `ssh://${whole}${port === undefined ? '' : `:${port}`}`;
}
