// SPDX-License-Identifier: Apache-2.0
// The English words for views that do not ask `useUi` yet.

import { EN } from '../strings/en/en.ts';

export const STRINGS = { ...EN.frame, overview: EN.overview, activity: EN.activity, recorded: EN.recorded };
