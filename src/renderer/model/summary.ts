// SPDX-License-Identifier: Apache-2.0
// One sentence and one shape for how things stand. Pure.

import type { Link } from '../../client/agent-client.ts';
import type { AgentState } from '../../contract/local-api.ts';
import { STRINGS } from '../strings.ts';

export interface Summary {
  /** Shown as a shape as well as a colour. */
  readonly shape: 'ok' | 'attention' | 'blocked' | 'waiting';
  readonly text: string;
}

export function summarise(link: Link, state: AgentState | undefined): Summary {
  const words = STRINGS.status;
  if (link.kind === 'lost') return { shape: 'blocked', text: words.offline };
  if (state === undefined) return { shape: 'waiting', text: words.connecting };
  const { health } = state;
  if (health.some((item) => item.severity === 'high' && item.impacts_connectivity))
    return { shape: 'blocked', text: words.blocked };
  const weighty = health.filter((item) => item.severity !== 'low').length;
  if (weighty > 0) return { shape: 'attention', text: words.attention(weighty) };
  return { shape: 'ok', text: health.length === 0 ? words.ok : `${words.ok}. ${words.notes(health.length)}` };
}
