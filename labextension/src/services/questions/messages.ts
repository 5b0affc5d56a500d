/** The frames of the service `questions` as types (docs/page-protocol.md, "Questions"). */

import { fields, flag, listOf, orNull, text, type Check } from '../../protocol/checks';

/** What a question is about; null if it is about nothing that a page shows. */
export type About = { service: string; session: string } | null;

interface HostKeyQuestion {
  kind: 'host-key';
  host: string;
  key_type: string;
  sha256: string;
  md5: string;
  randomart: string;
  kept_in: string | null;
  notes: string[];
}

interface SecretQuestion {
  kind: 'secret';
  prompt: string;
  /** Whether the same was asked before, and the answer was not accepted. */
  again?: boolean;
}

interface PromptsQuestion {
  kind: 'prompts';
  name: string;
  instruction: string;
  prompts: { prompt: string; echo: boolean }[];
  again?: boolean;
}

interface ConfirmQuestion {
  kind: 'confirm';
  text: string;
  /** The answer to assume if the person only presses Enter. */
  default: boolean;
}

interface NoticeQuestion {
  kind: 'notice';
  text: string;
  remote?: boolean;
}

export type Question = { question: string; about: About } & (
  HostKeyQuestion | SecretQuestion | PromptsQuestion | ConfirmQuestion | NoticeQuestion
);

/** The most characters of a text that is an answer. */
export const LONGEST_ANSWER = 4096;

export type Answer = string | string[] | boolean | null;

/** A question as it arrives, of a kind that this page may not know. */
interface Asked {
  question: string;
  about: About;
  kind: string;
}

export interface Announced {
  open: Asked[];
}

/** What the kernel sends: the members of each verb's frames. */
export interface Received {
  question: Asked;
  answered: { question: string };
}

/** What the page sends. */
export interface Sent {
  answer: { question: string; answer: Answer };
}

const about = orNull(fields({ service: text, session: text }));
/** The members that the page needs to ask a question of each kind. */
const KINDS: Record<Question['kind'], Check> = {
  'host-key': fields({ host: text, key_type: text, sha256: text }),
  secret: fields({ prompt: text }),
  prompts: fields({ prompts: listOf(fields({ prompt: text, echo: flag })) }),
  confirm: fields({ text, default: flag }),
  notice: fields({ text })
};

/** A question of an unknown kind is valid: a newer kernel may ask it, and another page answer it. */
const question: Check = value =>
  fields({ question: text, about, kind: text })(value) &&
  (!isKnown(value as { kind: string }) || KINDS[(value as Question).kind](value));

export const announced = fields({ open: listOf(question) });

export const NEEDED: Record<keyof Received, Check> = { question, answered: fields({ question: text }) };

/** Whether this page knows how to ask it. */
export function isKnown(asked: { kind: string }): asked is Question {
  return Object.hasOwn(KINDS, asked.kind);
}
