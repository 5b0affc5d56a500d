/** The notation in which people type a host. */

const HOST_AND_PORT = /^(?:[^\s@/]+@)?[^\s@/:[\]]+:\d{1,5}$/;

/** Return what was typed in ssh's notation, in which only a URI can have a port. */
export function destinationOf(typed: string): string {
  const text = typed.trim();
  return HOST_AND_PORT.test(text) ? `ssh://${text}` : text;
}

const LINK = /^ssh:\/\/(?:([\w.+~-]+)@)?([\w.-]+|\[[\da-f:.]+(?:%[\w.-]+)?\])(?::(\d{1,5}))?\/?$/i;

/** Return the destination of a link in ssh's notation; null if it names no machine, or more than that. */
export function destinationOfLink(link: string): string | null {
  const [, user, host, port] = LINK.exec(link) ?? [];
  if (host === undefined || host.startsWith('-') || user?.startsWith('-')) {
    return null;
  }
  const whole = user === undefined ? host : `${user}@${host}`;
  return port === undefined && !host.startsWith('[') ? whole : `ssh://${whole}${port === undefined ? '' : `:${port}`}`;
}
