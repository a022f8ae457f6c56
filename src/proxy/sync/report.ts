// SPDX-License-Identifier: Apache-2.0
// The status report: what the device tells the server of itself, and what it takes from the answer. Pure.

import { hasMembers, isText, isWhole } from '../../contract/members.ts';
import type { StatusAnswer, StatusRequest } from '../../contract/sync/messages.ts';
import type { PolicyError } from '../policy/policy.ts';
import { parseJson } from './container.ts';
import type { Refused, SyncState } from './state.ts';

const MOST_FAULTS = 20;
const MOST_WARNINGS = 64;

/** What other rooms know of the device. */
export interface Surroundings {
  readonly facts: StatusRequest['facts'];
  readonly queue: StatusRequest['queue'];
  /** Codes of the warnings that are shown. */
  readonly warnings: readonly string[];
}

/** The version that is offered and not in use; else the document that was refused. */
export function candidateOf({ refusedBundle, refusedDocument }: SyncState): Refused | undefined {
  return refusedBundle ?? refusedDocument;
}

export function statusRequest(state: SyncState, { facts, queue, warnings }: Surroundings): StatusRequest {
  const { active, document, floors, ring, time, view } = state;
  const candidate = candidateOf(state);
  return {
    v: 1,
    facts,
    active: active === undefined ? null : { version: active.version, sha256: active.sha256, since: active.since },
    freshness: view.freshness.state,
    candidate:
      candidate === undefined
        ? null
        : { version: candidate.version, sha256: candidate.sha256, errors: candidate.faults.map(sayable) },
    ring,
    root: Math.max(floors.root, 1),
    fresh_seq: document?.seq ?? 0,
    secrets: active?.secrets ?? 0,
    kills: view.orders.map(({ id }) => id),
    override_until: view.override?.until ?? null,
    queue,
    clock_delta_ms: time.requestDelta,
    coverage: {
      interception: view.orders.some(({ level }) => level === 'bypass') ? 'bypass' : 'on',
      warnings: warnings.slice(0, MOST_WARNINGS),
    },
  };
}

/** At most as many faults as a report may have, each in one line. */
export function reportable(faults: readonly PolicyError[]): readonly PolicyError[] {
  return faults.slice(0, MOST_FAULTS).map(sayable);
}

function sayable({ message, line, column, at }: PolicyError): PolicyError {
  return { message: inOneLine(message, 1024), line, column, at: inOneLine(at, 512) };
}

function inOneLine(text: string, most: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out here.
  return text.replace(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, most);
}

/** undefined: not in the form of the protocol. Members that are not known are passed over, so that servers can grow. */
export function readStatusAnswer(body: Uint8Array): StatusAnswer | undefined {
  const said = parseJson(body);
  if (typeof said !== 'object' || said === null) return undefined;
  const { now, ring, reenroll, user } = said as Readonly<Record<string, unknown>>;
  const person =
    typeof user === 'object' && user !== null
      ? { name: (user as { name?: unknown }).name, until: (user as { until?: unknown }).until }
      : user;
  const answer: unknown = { now, ring, reenroll, user: person };
  const isTime = (value: unknown): boolean => isWhole(value, 0);
  const isName = (value: unknown): boolean => isText(value) && value.length <= 256;
  return hasMembers<StatusAnswer>(answer, {
    now: isTime,
    ring: (value) => isText(value) && /^[a-z0-9-]{1,32}$/.test(value),
    reenroll: (value) => typeof value === 'boolean',
    user: (value) => value === null || hasMembers(value, { name: isName, until: isTime }),
  })
    ? answer
    : undefined;
}

/** Is this version of a program lower than that one? By the three numbers; what stands behind them does not count. */
export function isOlder(version: string, than: string): boolean {
  const numbers = (text: string): readonly number[] =>
    (/^\d+\.\d+\.\d+/.exec(text)?.[0] ?? '0.0.0').split('.').map(Number);
  const [left, right] = [numbers(version), numbers(than)];
  const at = left.findIndex((number, index) => number !== right[index]);
  return at >= 0 && (left[at] ?? 0) < (right[at] ?? 0);
}
