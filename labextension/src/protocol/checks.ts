/** The required form of values from the network, composed of small checks. Unknown members are ignored. */

export type Check = (value: unknown) => boolean;

export const text: Check = value => typeof value === 'string';
export const number: Check = value => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
export const flag: Check = value => typeof value === 'boolean';
export const object: Check = value => typeof value === 'object' && value !== null && !Array.isArray(value);

export const orNull =
  (check: Check): Check =>
  value =>
    value === null || check(value);

export const optional =
  (check: Check): Check =>
  value =>
    value === undefined || check(value);

export const oneOf =
  (...words: string[]): Check =>
  value =>
    words.includes(value as string);

export const listOf =
  (check: Check): Check =>
  value =>
    Array.isArray(value) && value.every(check);

export const fields =
  (wanted: Record<string, Check>): Check =>
  value =>
    object(value) && Object.entries(wanted).every(([name, check]) => check((value as Record<string, unknown>)[name]));
