/** What a person types as a host. */

const HOST_AND_PORT = /^(?:[^\s@/]+@)?[^\s@/:[\]]+:\d{1,5}$/;

/** What was typed as ssh takes it: a port only has a place in an address. */
export function destinationOf(typed: string): string {
  const text = typed.trim();
  return HOST_AND_PORT.test(text) ? `ssh://${text}` : text;
}
