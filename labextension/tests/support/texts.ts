/** Texts as they are in the sources. */

import { textsOf } from '../../src/translation';

export const trans = textsOf(null);
