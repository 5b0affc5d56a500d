/** The page's end of the service `questions`: what a place asks the person, until somebody has answered. */

import { Signal, type ISignal } from '@lumino/signaling';
import type { Incoming, Service, ServiceEnd, ServiceLink, Verbs } from '../../connection/service';
import {
  announced,
  isKnown,
  NEEDED,
  type About,
  type Announced,
  type Answer,
  type Question,
  type Received,
  type Sent
} from './messages';

export class PlaceQuestions implements ServiceEnd {
  readonly announced: Incoming<Announced> = { needs: announced, take: members => this.onAnnounced(members) };
  readonly verbs: Verbs<Received> = {
    question: { needs: NEEDED.question, take: members => this.onQuestion(members) },
    answered: { needs: NEEDED.answered, take: ({ question }) => this.forget(question) }
  };
  private readonly asked = new Map<string, Question>();
  private readonly changedSignal = new Signal<this, About>(this);
  /** Releases the connection, which is kept while a question waits for an answer. */
  private release: (() => void) | null = null;

  constructor(private readonly link: ServiceLink<Sent>) {}

  /** Emitted with what the changed questions are about. */
  get changed(): ISignal<this, About> {
    return this.changedSignal;
  }

  /** Return the questions about a session of a service, or about nothing that a page shows (null), the oldest first. */
  about(wanted: About): Question[] {
    return [...this.asked.values()].filter(
      ({ about }) => about?.service === wanted?.service && about?.session === wanted?.session
    );
  }

  /** Answer a question once; it is forgotten here at once. */
  answer(question: string, answer: Answer): void {
    this.link.send('answer', { question, answer });
    this.forget(question);
  }

  replaced(): void {
    [...this.asked.keys()].forEach(question => this.forget(question));
  }

  /** Only general questions are announced: those about a terminal are sent to every viewer that attaches. */
  private onAnnounced({ open }: Announced): void {
    const still = new Set(open.map(({ question }) => question));
    for (const { question, about, kind } of [...this.asked.values()]) {
      const isToldOnce = kind === 'notice' && about === null;
      if (!still.has(question) && !isToldOnce) {
        this.forget(question);
      }
    }
    open.forEach(question => this.onQuestion(question));
  }

  private onQuestion(question: Received['question']): void {
    if (isKnown(question)) {
      this.asked.set(question.question, question);
      this.release ??= this.link.use();
      this.changedSignal.emit(question.about);
    }
  }

  private forget(question: string): void {
    const asked = this.asked.get(question);
    this.asked.delete(question);
    if (this.asked.size === 0) {
      this.release?.();
      this.release = null;
    }
    if (asked !== undefined) {
      this.changedSignal.emit(asked.about);
    }
  }
}

export const questions: Service<PlaceQuestions> = {
  name: 'questions',
  open: link => new PlaceQuestions(link)
};
