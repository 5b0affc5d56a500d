/** The questions of all places that are about nothing a page shows, such as those of a cell that can no longer ask. */

import { Signal, type ISignal } from '@lumino/signaling';
import type { Place } from '../../connection/place';
import type { Places } from '../../connection/places';
import type { Answer, Question } from './messages';
import { questions } from './service';

export class OpenQuestions {
  private questions: Question[] = [];
  private readonly changedSignal = new Signal<this, undefined>(this);

  constructor(private readonly places: Pick<Places, 'all' | 'added'>) {
    const follow = (place: Place): void => {
      place.service(questions).changed.connect((_, about) => {
        if (about === null) {
          this.update();
        }
      });
    };
    places.all.forEach(follow);
    places.added.connect((_, place) => follow(place));
  }

  get changed(): ISignal<this, undefined> {
    return this.changedSignal;
  }

  /** The questions, in the order in which this page received them. */
  get all(): readonly Question[] {
    return this.questions;
  }

  /** Answer a question of `all`. */
  answer(question: string, answer: Answer): void {
    for (const place of this.places.all) {
      const there = place.service(questions);
      if (there.about(null).some(asked => asked.question === question)) {
        there.answer(question, answer);
      }
    }
  }

  private update(): void {
    const open = this.places.all.flatMap(place => place.service(questions).about(null));
    const isIn = (list: Question[], { question }: Question): boolean => list.some(each => each.question === question);
    this.questions = [
      ...this.questions.filter(each => isIn(open, each)),
      ...open.filter(each => !isIn(this.questions, each))
    ];
    this.changedSignal.emit(undefined);
  }
}
