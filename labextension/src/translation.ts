/** The visible texts, in the language chosen in Lab. */

import { nullTranslator, type ITranslator, type TranslationBundle } from '@jupyterlab/translation';

export type { TranslationBundle };

/** The name under which language packs contain our texts, including those of the schema. */
export const DOMAIN = 'jupyter_ssh';

/** Return our texts in the chosen language, or untranslated if Lab has no translator. */
export function textsOf(translator: ITranslator | null): TranslationBundle {
  return (translator ?? nullTranslator).load(DOMAIN);
}
