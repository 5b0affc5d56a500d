/**
 * Questions that are about nothing this page shows, in a panel at the top of the page that takes the focus from nobody.
 * Those about a terminal are shown on top of it.
 */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator } from '@jupyterlab/translation';
import { QuestionPanel } from '../dialogs/question_panel';
import { OpenQuestions } from '../services/questions/open_questions';
import { questions } from '../services/questions/service';
import { IPlaces, IQuestions } from '../tokens';
import { textsOf, type TranslationBundle } from '../translation';

export const questionsPlugin: JupyterFrontEndPlugin<IQuestions> = {
  id: 'jupyterlab-ssh:questions',
  description: 'Asks the questions of kernels',
  autoStart: true,
  requires: [IPlaces],
  provides: IQuestions,
  optional: [ITranslator],
  activate: (_: JupyterFrontEnd, places: IPlaces, translator: ITranslator | null): IQuestions => {
    places.register(questions);
    const open = new OpenQuestions(places);
    showOnPage(open, textsOf(translator));
    return open;
  }
};

/** Show them one after the other, the oldest first. */
function showOnPage(open: IQuestions, trans: TranslationBundle): void {
  const panel = new QuestionPanel(
    (question, answer) => open.answer(question, answer),
    () => undefined,
    trans
  );
  panel.node.classList.add('jssh-mod-page');
  open.changed.connect(() => {
    const question = open.all[0] ?? null;
    const focused = document.activeElement;
    const isNobodyTyping = focused === null || focused === document.body;
    if (question !== null && !panel.node.isConnected) {
      document.body.append(panel.node);
    }
    panel.display(question, '', isNobodyTyping);
    if (question === null) {
      panel.node.remove();
    }
  });
}
