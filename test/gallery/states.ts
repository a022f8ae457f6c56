// SPDX-License-Identifier: Apache-2.0
// Every state that the page can be in, as data: what the link is, what the agent last said, what it answers.

import { agentStates } from './agent-states.ts';
import { answerStates } from './answer-states.ts';
import { linkStates } from './link-states.ts';
import type { GalleryState } from './state.ts';

export function galleryStates(now: number): readonly GalleryState[] {
  return [...agentStates(now), ...linkStates(now), ...answerStates(now)];
}
