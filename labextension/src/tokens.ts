/**
 * What the plugins of this extension provide to each other: for each a token, and a type without the private members.
 */

import { Token } from '@lumino/coreutils';
import type { Places } from './connection/places';
import type { OpenQuestions } from './services/questions/open_questions';
import type { SessionList } from './services/terminals/session_list';
import type { SettingsStore } from './settings';
import type { Terminals } from './terminal/terminals';

const NAME = 'jupyterlab-ssh';

type Public<T> = Pick<T, keyof T>;

export type IPlaces = Public<Places>;
export const IPlaces = new Token<IPlaces>(
  `${NAME}:IPlaces`,
  'Connections to kernels and to the process of the extension, and the services that they carry.'
);

export type IQuestions = Public<OpenQuestions>;
export const IQuestions = new Token<IQuestions>(
  `${NAME}:IQuestions`,
  'Questions of kernels that are about nothing a page shows.'
);

export type ISettings = Public<SettingsStore>;
export const ISettings = new Token<ISettings>(`${NAME}:ISettings`, 'The person’s settings for SSH terminals.');

export type ISessionList = Public<SessionList>;
export const ISessionList = new Token<ISessionList>(
  `${NAME}:ISessionList`,
  'The SSH sessions of all kernels, including those that this page is not connected to.'
);

export type ITerminals = Public<Terminals>;
export const ITerminals = new Token<ITerminals>(`${NAME}:ITerminals`, 'SSH terminals, in tabs and in outputs.');
