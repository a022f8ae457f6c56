// SPDX-License-Identifier: Apache-2.0
// The German words, put together.

import type { EN } from '../en/en.ts';
import { ABOUT } from './about.ts';
import { ACTIVITY } from './activity.ts';
import { CALL } from './call.ts';
import { DAEMON } from './daemon.ts';
import { DIAGNOSTICS } from './diagnostics.ts';
import { FRAME } from './frame.ts';
import { OVERVIEW } from './overview.ts';
import { RECORDED } from './recorded.ts';
import { TRAY } from './tray.ts';
import { USAGE } from './usage.ts';

export const DE: typeof EN = {
  overview: OVERVIEW,
  frame: FRAME,
  diagnostics: DIAGNOSTICS,
  about: ABOUT,
  usage: USAGE,
  activity: ACTIVITY,
  call: CALL,
  recorded: RECORDED,
  tray: TRAY,
  daemon: DAEMON,
};
