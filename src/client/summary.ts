// SPDX-License-Identifier: Apache-2.0
// One sentence and one shape for how things stand, the same in tray, window and page. Pure.

import type { AgentState } from '../contract/local-api.ts';
import type { Link } from '../contract/tray.ts';
import type { Words } from '../strings/catalogue.ts';

export interface Summary {
  /** Shown as a shape as well as a colour. */
  readonly shape: 'ok' | 'attention' | 'blocked' | 'waiting';
  readonly text: string;
}

/** @param state the last one; it counts for nothing while the daemon does not answer */
export function summarise(link: Link, state: AgentState | undefined, words: Words): Summary {
  const { status } = words.frame;
  if (link.kind === 'lost') {
    const phase = link.host?.phase;
    // Between two tries nothing starts yet.
    if (phase === 'waiting') return { shape: 'waiting', text: words.frame.link.waitingTitle };
    const starts = phase === 'looking' || phase === 'starting';
    return starts ? { shape: 'waiting', text: status.starting } : { shape: 'blocked', text: status.offline };
  }
  // What was known before says nothing about now.
  if (link.kind === 'signed-out') return { shape: 'waiting', text: words.frame.link.signedOutTitle };
  if (link.kind === 'outdated') return { shape: 'waiting', text: words.frame.link.outdatedTitle };
  if (state === undefined) return { shape: 'waiting', text: status.connecting };
  const { health } = state;
  if (health.some((item) => item.severity === 'high' && item.impacts_connectivity))
    return { shape: 'blocked', text: status.blocked };
  const weighty = health.filter((item) => item.severity !== 'low').length;
  if (weighty > 0) return { shape: 'attention', text: status.attention(weighty) };
  return { shape: 'ok', text: health.length === 0 ? status.ok : `${status.ok}. ${status.notes(health.length)}` };
}
