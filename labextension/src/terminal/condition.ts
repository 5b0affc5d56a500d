/** What a tab shows about its session: the dot, its text, and the strip above the terminal. */

import type { PlaceState } from '../connection/place';
import type { Way } from '../connection/transport';
import type { Description, SessionState } from '../services/terminals/messages';
import type { TranslationBundle } from '../translation';

export type Dot = 'connected' | 'busy' | 'lost' | 'ended';
export type Action = 'retry' | 'reconnect' | 'new' | 'reload' | 'close';

export interface Condition {
  dot: Dot;
  /** For the dot's tooltip and for screen readers. */
  text: string;
  /** The strip above the terminal; null if there is nothing to report. */
  strip: { text: string; report?: string; actions: Action[] } | null;
}

export interface Circumstances {
  place: PlaceState;
  /** Whether the session lives in the extension's own process, not in a kernel. */
  isHost: boolean;
  reason: string;
  attached: boolean;
  /** Whether the session does not exist any more. */
  gone: boolean;
  questions: number;
  description: Description | null;
}

/** The labels of the strip's buttons. */
export function labelsOfActions(trans: TranslationBundle): Record<Action, string> {
  return {
    retry: trans.__('Try now'),
    reconnect: trans.__('Reconnect'),
    new: trans.__('New session'),
    reload: trans.__('Reload the page'),
    close: trans.__('Close')
  };
}

/** Return the state of a session as a word. */
export function wordOfState(state: SessionState, trans: TranslationBundle): string {
  const words: Record<SessionState, string> = {
    connecting: trans.__('connecting'),
    open: trans.__('open'),
    ended: trans.__('ended'),
    lost: trans.__('lost')
  };
  return words[state];
}

/** Return how frames travel, for the tooltip. */
export function wayOf(way: Way | null, trans: TranslationBundle): string {
  switch (way) {
    case 'socket':
      return trans.__('over the Jupyter server’s WebSocket');
    case 'channels':
      return trans.__(
        'through the kernel’s own channels: it is not on the Jupyter server’s machine, so keys take longer'
      );
    case null:
      return '';
  }
}

/** Return the condition of a tab. */
export function condition(now: Circumstances, trans: TranslationBundle): Condition {
  const lost = (text: string, ...actions: Action[]): Condition => ({
    dot: 'lost',
    text,
    strip: { text, actions }
  });
  switch (now.place) {
    case 'version':
      return lost(now.reason, 'reload');
    case 'denied':
      return lost(now.reason, 'retry');
    case 'ended':
      return lost(
        now.isHost
          ? trans.__('The process of the terminals has ended, and this session with it.')
          : trans.__('The kernel has ended, and this session with it.'),
        'new',
        'close'
      );
    case 'absent':
      return lost(
        now.isHost
          ? trans.__('The process of the terminals has ended, and this session with it.')
          : trans.__('The kernel of this session has no terminals any more: it was restarted or has ended.'),
        'new',
        'retry',
        'close'
      );
    case 'waiting':
      return lost(
        trans.__(
          'The connection to the Jupyter server is lost. It is being retried; what you type is sent once it is back.'
        ),
        'retry'
      );
  }
  if (now.gone) {
    return lost(trans.__('This session is no longer there.'), 'new', 'close');
  }
  const { description } = now;
  if (now.place !== 'connected' || description === null) {
    return { dot: 'busy', text: trans.__('Connecting to the session …'), strip: null };
  }
  const waiting = trans.__('Waiting for an answer');
  switch (description.state) {
    case 'ended':
      return { dot: 'ended', text: description.text, strip: { text: description.text, actions: ['new', 'close'] } };
    case 'lost':
      return {
        dot: 'lost',
        text: description.text,
        strip: {
          text: description.text,
          report: description.report ?? '',
          actions: description.reconnect ? ['reconnect', 'close'] : ['new']
        }
      };
    case 'connecting':
      return { dot: 'busy', text: now.questions > 0 ? waiting : description.text, strip: null };
    case 'open':
      if (now.questions > 0) {
        return { dot: 'busy', text: waiting, strip: null };
      }
      return now.attached
        ? { dot: 'connected', text: description.text || trans.__('Connected'), strip: null }
        : { dot: 'busy', text: trans.__('Waiting for the screen …'), strip: null };
  }
}

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const TITLE = 60;

/**
 * A tab's label: the host, and the title that the program there sets, or else the command to run. Text of limited
 * length, without control characters.
 */
export function label(description: Pick<Description, 'host' | 'name' | 'title' | 'command'>): string {
  const clean = (text: string): string => text.replace(INVISIBLE, '').trim();
  const host = clean(description.host).replace(/^ssh:\/\//, '') || clean(description.name);
  const title = clean(description.title) || clean(description.command ?? '');
  // Shells often set the title "user@machine: path".
  const whole = title === '' || title === host ? host : `${host}: ${title}`;
  return whole.length > TITLE ? `${whole.slice(0, TITLE - 1)}…` : whole;
}

/**
 * Return when a session was started, to tell sessions on one host apart: as in `%ssh_terminal --list`, with the day
 * unless it is today.
 */
export function begun({ created }: Pick<Description, 'created'>, now = new Date()): string {
  const then = new Date(created * 1000);
  const time = then.toLocaleTimeString('en-GB');
  const isToday = then.toDateString() === now.toDateString();
  return isToday ? time : `${then.toLocaleDateString(undefined, { month: 'short', day: 'numeric' })}, ${time}`;
}
