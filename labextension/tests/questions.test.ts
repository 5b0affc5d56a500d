/** What places ask: about a terminal, or about nothing that a page shows. */

import { beforeEach, describe, expect, it } from 'vitest';
import { Place } from '../src/connection/place';
import { questions, type PlaceQuestions } from '../src/services/questions/service';
import { ManualClock } from './support/clock';
import { trans } from './support/texts';
import { factory, last, type Made } from './support/transports';

const SECRET = { kind: 'secret', prompt: 'Password:' };
const TERMINAL = { service: 'terminals', session: 's' };

describe('questions', () => {
  let made: Made[];
  let clock: ManualClock;
  let place: Place;
  let asked: PlaceQuestions;
  const make = (id: string): Place => {
    const made: Place = new Place({
      id,
      client: 'test',
      webSocket: factory(makings),
      fallback: () => null,
      probe: () => Promise.resolve(0),
      trans,
      clock
    });
    made.add(questions);
    made.connect();
    return made;
  };
  let makings: Made[];

  beforeEach(() => {
    makings = made = [];
    clock = new ManualClock();
    place = make('k');
    asked = place.service(questions);
    last(made).greet();
  });

  const ids = (): string[] => asked.about(TERMINAL).map(({ question }) => question);

  it('are those of their session, the oldest first, until they are answered', () => {
    const changes: unknown[] = [];
    asked.changed.connect((_, about) => changes.push(about));
    for (const question of ['one', 'two']) {
      last(made).say('questions.question', { question, about: TERMINAL, ...SECRET });
    }
    last(made).say('questions.question', { question: 'three', about: { ...TERMINAL, session: 'other' }, ...SECRET });
    expect(ids()).toEqual(['one', 'two']);
    expect(asked.about(null)).toEqual([]);
    asked.answer('one', 'secret');
    expect(last(made).take('questions.answer')).toEqual([
      { type: 'questions.answer', question: 'one', answer: 'secret' }
    ]);
    expect(ids()).toEqual(['two']);
    last(made).say('questions.answered', { question: 'two' });
    last(made).say('questions.answered', { question: 'never heard of' });
    expect(ids()).toEqual([]);
    expect(changes).toEqual([TERMINAL, TERMINAL, { ...TERMINAL, session: 'other' }, TERMINAL, TERMINAL]);
  });

  it('are asked again after a loss, and gone with the kernel', () => {
    last(made).say('questions.question', { question: 'one', about: TERMINAL, ...SECRET });
    last(made).listener.closed(1006, '');
    expect(ids()).toEqual(['one']);
    clock.advance(1_000);
    last(made).greet();
    expect(ids()).toEqual([]);
    last(made).say('questions.question', { question: 'one', about: TERMINAL, ...SECRET });
    last(made).listener.closed(4410, '');
    expect(ids()).toEqual([]);
  });

  it('about nothing stay over a loss where they are announced again, and notices until they are read', () => {
    const general = { about: null, ...SECRET };
    const open = (...ids: string[]): object => ({ open: ids.map(question => ({ question, ...general })) });
    for (const question of ['kept', 'answered meanwhile']) {
      last(made).say('questions.question', { question, ...general });
    }
    last(made).say('questions.question', { question: 'notice', about: null, kind: 'notice', text: 'x' });
    last(made).listener.closed(1006, '');
    clock.advance(1_000);
    last(made).greet('one', { questions: open('kept', 'new') });
    expect(asked.about(null).map(({ question }) => question)).toEqual(['kept', 'notice', 'new']);
  });

  it.each([
    { question: 'q', about: TERMINAL, kind: 'secret' },
    { question: 'q', about: TERMINAL, kind: 'prompts', prompts: [{ prompt: 'x' }] },
    { question: 'q', about: TERMINAL, kind: 'host-key', host: 'demo' },
    { question: 'q', about: TERMINAL, kind: 'notice' },
    { question: 'q', about: TERMINAL, kind: 'confirm', text: 'Use the key?' },
    { question: 3, about: TERMINAL, ...SECRET },
    { question: 'q', about: { service: 'terminals', session: 3 }, ...SECRET }
  ])('end the connection where they lack something: %j', members => {
    last(made).say('questions.question', members);
    expect(place.state).toBe('waiting');
  });

  it('of a kind that is not known are left to other pages', () => {
    last(made).say('questions.question', { question: 'q', about: TERMINAL, kind: 'of tomorrow' });
    last(made).say('questions.question', { question: 'r', about: TERMINAL, kind: 'toString' });
    expect(place.state).toBe('connected');
    expect(ids()).toEqual([]);
  });
});
