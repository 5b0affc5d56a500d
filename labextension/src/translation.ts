/** The words that people read, in the language that they have chosen in Lab. */

import { nullTranslator, type ITranslator, type TranslationBundle } from '@jupyterlab/translation';

export type { TranslationBundle };

/** Under this name language packs carry our texts, those of the schema too. */
export const DOMAIN = 'jupyter_ssh';

/** Our texts in the chosen language; as they are where Lab has no translator. */
export function textsOf(translator: ITranslator | null): TranslationBundle {
  return (translator ?? nullTranslator).load(DOMAIN);
}
