// SPDX-License-Identifier: Apache-2.0
// Joins audit rows to one line a call, for the status page. Knows rows only; it keeps the newest and forgets the rest.

import type { IntentBody, OrphanBody, OutcomeBody, RefusalBody } from '../../contract/audit-row.ts';
import type { ActivityItem } from '../../contract/local-api.ts';
import { ACTIVITY_LIMIT } from '../../contract/local-api-constants.ts';
import type { StoredBody } from '../audit/audit-log.ts';

export interface Activity {
  /** Takes a durable row; rows that are not about a call are ignored. Returns whether the list has changed. */
  push(row: StoredBody): boolean;
  /** Newest call first. The same array until a row changes it. */
  items(): readonly ActivityItem[];
}

/** Leaves out what is undefined: absent and undefined are different on the wire. */
function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

function fromIntent(at: number, body: IntentBody): ActivityItem {
  return {
    id: body.request,
    at,
    decision: 'allowed',
    result: 'running',
    provider: body.provider,
    ...given({
      app: body.app ?? body.process?.name,
      model: body.model,
      sent_model: body.target_model === body.model ? undefined : body.target_model,
    }),
  };
}

function fromRefusal(at: number, body: RefusalBody): ActivityItem {
  return {
    id: body.request,
    at,
    decision: 'blocked',
    result: 'refused',
    provider: body.provider ?? body.host,
    error: body.error,
    ...given({ app: body.app ?? body.process?.name, model: body.model }),
  };
}

/** Level `relaxed` writes no intent: the outcome then begins the line itself. */
function begin(at: number, body: OutcomeBody): ActivityItem {
  return {
    id: body.request,
    at: Math.max(0, at - Math.round(body.total_ms)),
    decision: 'allowed',
    result: 'running',
    provider: body.provider,
    ...given({ app: body.merged?.app, model: body.merged?.model }),
  };
}

function settle(item: ActivityItem, body: OutcomeBody): ActivityItem {
  return {
    ...item,
    result: body.result,
    provider: body.provider,
    total_ms: body.total_ms,
    ...given({
      error: body.error ?? body.error_class,
      input_tokens: body.input_tokens,
      output_tokens: body.output_tokens,
      tokens_estimated: body.tokens_estimated,
      first_content_ms: body.first_content_ms,
    }),
  };
}

/** What is known of a call. Lines are made of it only when somebody looks: rows come with each request. */
export interface Known {
  readonly at: number;
  readonly begun: IntentBody | RefusalBody | OutcomeBody;
  ended: OutcomeBody | OrphanBody | undefined;
}

/** The line of one call. */
export function lineOf({ at, begun, ended }: Known): ActivityItem {
  const item =
    begun.kind === 'intent'
      ? fromIntent(at, begun)
      : begun.kind === 'refusal'
        ? fromRefusal(at, begun)
        : begin(at, begun);
  if (ended === undefined) return item;
  return ended.kind === 'orphan' ? { ...item, result: 'lost' } : settle(item, ended);
}

/** @param limit calls kept; at most ACTIVITY_LIMIT may go into a state */
export function createActivity(limit: number = ACTIVITY_LIMIT): Activity {
  /** By request id, oldest first. */
  const calls = new Map<string, Known>();
  let list: readonly ActivityItem[] | undefined;

  const take = ({ at, body }: StoredBody): boolean => {
    switch (body.kind) {
      case 'intent':
        // A further attempt of a call that is on the list says where it goes now.
        calls.set(body.request, { at: calls.get(body.request)?.at ?? at, begun: body, ended: undefined });
        return true;
      case 'refusal':
        calls.set(body.request, { at, begun: body, ended: undefined });
        return true;
      case 'outcome':
      case 'orphan': {
        const known = calls.get(body.request);
        if (known !== undefined) known.ended = body;
        else if (body.kind === 'outcome' && body.merged !== undefined)
          calls.set(body.request, { at, begun: body, ended: body });
        else return false;
        return true;
      }
      default:
        return false;
    }
  };

  return {
    push(row) {
      if (!take(row)) return false;
      const oldest = calls.size > limit ? calls.keys().next().value : undefined;
      if (oldest !== undefined) calls.delete(oldest);
      list = undefined;
      return true;
    },
    items() {
      list ??= [...calls.values()].reverse().map(lineOf);
      return list;
    },
  };
}
