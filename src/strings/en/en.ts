// SPDX-License-Identifier: Apache-2.0
// The English words, put together.

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

export const EN = {
  frame: FRAME,
  overview: OVERVIEW,
  usage: USAGE,
  activity: ACTIVITY,
  call: CALL,
  recorded: RECORDED,
  diagnostics: DIAGNOSTICS,
  about: ABOUT,
  tray: TRAY,
  daemon: DAEMON,
};
