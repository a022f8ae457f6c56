// SPDX-License-Identifier: Apache-2.0
// The German words, put together.

import { EN } from '../en/en.ts';

export const DE: typeof EN = { ...EN };
