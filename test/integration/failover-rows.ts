// SPDX-License-Identifier: Apache-2.0
// The fault matrix as a table: what the primary does, and who must have answered then. Rows of ARCHITECTURE.md, "Failure classes".

import type { Fault } from '../fakes/provider/fault.ts';
import { nativeError } from '../fakes/provider/native-error.ts';
import type { Caller, Mode } from './failover-caller.ts';
import { LEAK, type Play } from './failover-primary.ts';

export type Expected =
  /** The primary's answer is the caller's. */
  | { readonly by: 'primary' }
  /** The primary's error is the caller's own affair. */
  | { readonly by: 'primary-error'; readonly status: number; readonly failure: string }
  /** `billed`: the primary may have worked for nothing. `held`: how long its key is left out, in seconds. */
  | {
      readonly by: 'backup';
      readonly failure: string;
      readonly billed: boolean;
      readonly status: number | undefined;
      readonly held?: number;
    }
  /** The answer broke off in the caller's sight. `exact`: after three of its eight pieces, else after some. */
  | { readonly by: 'nobody'; readonly failure: string; readonly exact: boolean; readonly hidden: boolean };

export interface Row {
  readonly name: string;
  readonly modes: readonly Mode[];
  /** 'refused': nobody listens. 'reset': its connection is reset once the caller has seen something. */
  readonly play: (() => Play) | 'refused';
  readonly reset?: boolean;
  /** Short waits; where they are not needed a slow machine shall not meet them. */
  readonly hasty?: boolean;
  readonly expected: Expected;
}

const ALL: readonly Mode[] = ['json', 'stream', 'array'];
const JSON_ONLY: readonly Mode[] = ['json'];
const STREAMED: readonly Mode[] = ['stream', 'array'];

/** Longer than any default hold of a rate window. */
export const LONG_SECONDS = 120;

const fault = (value: Fault) => (): Play => ({ kind: 'fault', fault: value });

function backup(failure: string, billed: boolean, status: number | undefined): Expected {
  return { by: 'backup', failure, billed, status };
}

/** The vendor's own words for a status. */
function refusal(caller: Caller, status: number, headers: readonly string[] = []): Extract<Play, { kind: 'answer' }> {
  const answer = nativeError(caller.family, status, `${LEAK}: refused with ${status}`, { requestId: LEAK });
  const body = Buffer.concat([...answer.events].map(({ bytes }) => bytes)).toString('utf8');
  return { kind: 'answer', status, headers: [...answer.headers, ...headers], body };
}

function beforeTheHead(): readonly Row[] {
  return [
    { name: 'connection refused', modes: ALL, play: 'refused', expected: backup('transient', false, undefined) },
    {
      name: 'reset before the head',
      modes: ALL,
      play: fault({ reset: 'head' }),
      expected: backup('transient', true, undefined),
    },
    {
      name: 'closed before the head',
      modes: ALL,
      play: fault({ close: true }),
      expected: backup('transient', true, undefined),
    },
    {
      name: 'silence before the head',
      modes: ALL,
      hasty: true,
      play: fault({ hang: 'head' }),
      expected: backup('hang', true, undefined),
    },
    {
      name: 'silence after the head',
      modes: ALL,
      hasty: true,
      play: fault({ hang: 'body' }),
      expected: backup('hang', true, 200),
    },
    {
      name: 'slow, beyond the wait',
      modes: ALL,
      hasty: true,
      play: fault({ delay: 600_000 }),
      expected: backup('hang', true, undefined),
    },
    { name: 'slow, within the wait', modes: ALL, play: fault({ delay: 100 }), expected: { by: 'primary' } },
    { name: 'no fault', modes: ALL, play: fault({}), expected: { by: 'primary' } },
  ];
}

function statuses(caller: Caller): readonly Row[] {
  const row = (status: number, expected: Expected, headers: () => readonly string[] = () => [], why = ''): Row => ({
    name: `${status}${why}`,
    modes: ALL,
    play: () => refusal(caller, status, headers()),
    expected,
  });
  const mine = (status: number, failure = 'client-mistake'): Expected => ({ by: 'primary-error', status, failure });
  const held = (status: number, seconds: number): Expected => ({ ...limited(status), held: seconds });
  const limited = (status: number) => ({ by: 'backup', failure: 'rate-limit', billed: false, status }) as const;
  const inSeconds = () => ['retry-after', String(LONG_SECONDS)];
  const inMilliseconds = () => ['retry-after-ms', String(LONG_SECONDS * 1_000)];
  // Of the moment at which it is said: the rows before it may take longer than that.
  const asDate = () => ['retry-after', new Date(Date.now() + LONG_SECONDS * 1_000).toUTCString()];
  const { quota, noModel, tooLong } = caller.refusals;
  return [
    ...[400, 404, 405, 409, 413, 415, 422].map((status) => row(status, mine(status))),
    { name: 'a prompt too long', modes: ALL, play: () => tooLong, expected: mine(tooLong.status, 'context-length') },
    {
      name: 'no such model',
      modes: ALL,
      play: () => noModel,
      expected: backup('model-missing', false, noModel.status),
    },
    row(409, backup('transient', false, 409), () => ['x-should-retry', 'true'], ' that is to be tried again'),
    ...[401, 402, 403].map((status) => row(status, backup('credential', false, status))),
    { name: 'no money left', modes: ALL, play: () => quota, expected: backup('credential', false, quota.status) },
    row(429, held(429, 15), undefined, ' without a time'),
    row(429, held(429, LONG_SECONDS), inSeconds, ' with seconds'),
    row(429, held(429, LONG_SECONDS), asDate, ' with a date'),
    row(429, held(429, LONG_SECONDS), inMilliseconds, ' with milliseconds'),
    row(529, held(529, LONG_SECONDS), inSeconds, ' with seconds'),
    ...[408, 425, 500, 502, 504].map((status) => row(status, backup('transient', false, status))),
    ...[503, 529].map((status) => row(status, backup('overload', false, status))),
  ];
}

/** What a load balancer says, by mistake with a 200. */
function text(type: string): () => Play {
  return () => ({ kind: 'answer', status: 200, headers: ['content-type', type], body: 'upstream connect error' });
}

function badAnswers(caller: Caller): readonly Row[] {
  const bad = backup('bad-answer', true, 200);
  const told = backup(caller.inBand, false, 200);
  // In the streams of these it might be another framing, and what is not understood is never held back.
  const unframed = caller.family === 'gemini' || caller.family === 'bedrock' ? JSON_ONLY : ALL;
  const rows: Row[] = [
    { name: '200 and nothing', modes: ALL, play: fault({ empty: true }), expected: bad },
    { name: '200 and a web page', modes: ALL, play: fault({ html: true }), expected: bad },
    { name: '200 and plain text', modes: unframed, play: text('text/plain'), expected: bad },
    { name: '200 and text that is called JSON', modes: unframed, play: text('application/json'), expected: bad },
    { name: 'half a JSON answer, ended', modes: JSON_ONLY, play: fault({ truncate: 1 }), expected: bad },
    { name: 'half a JSON answer, cut', modes: JSON_ONLY, play: fault({ cut: 1 }), expected: bad },
    {
      name: 'half a JSON answer, silence',
      modes: JSON_ONLY,
      hasty: true,
      play: fault({ stall: 1 }),
      expected: backup('hang', true, 200),
    },
    {
      name: 'an error before content, then silence',
      modes: STREAMED,
      play: () => ({ kind: 'error-and-silence' }),
      expected: told,
    },
    { name: 'an error as the first event', modes: STREAMED, play: fault({ error: 0 }), expected: told },
    { name: 'cut after the head', modes: STREAMED, play: fault({ cut: 0 }), expected: bad },
    { name: 'ended after the head', modes: STREAMED, play: fault({ truncate: 0 }), expected: bad },
  ];
  if (caller.family !== 'bedrock') {
    const { body } = refusal(caller, 500);
    // Converse says with the status alone that a message is an error.
    const play = (): Play => ({ kind: 'answer', status: 200, headers: [], body });
    rows.push({ name: '200 and an error as JSON', modes: ALL, play, expected: backup('bad-answer', false, 200) });
  }
  if (caller.preamble === 0) return rows;
  return [
    ...rows,
    { name: 'an error before content', modes: STREAMED, play: fault({ error: 'preamble' }), expected: told },
    { name: 'an error after the first event', modes: STREAMED, play: fault({ error: 1 }), expected: told },
    { name: 'cut before content', modes: STREAMED, play: fault({ cut: 'preamble' }), expected: bad },
    { name: 'ended before content', modes: STREAMED, play: fault({ truncate: 'preamble' }), expected: bad },
    {
      name: 'reset before content',
      modes: STREAMED,
      play: fault({ reset: 'preamble' }),
      expected: backup('', true, undefined),
    },
    {
      name: 'silence before content',
      modes: STREAMED,
      hasty: true,
      play: fault({ stall: 'preamble' }),
      expected: backup('hang', true, 200),
    },
  ];
}

function afterContent(caller: Caller): readonly Row[] {
  const after = caller.preamble + 3;
  const broken = (failure: string, also: { readonly exact?: false; readonly hidden?: false } = {}): Expected => ({
    by: 'nobody',
    failure,
    exact: true,
    hidden: true,
    ...also,
  });
  return [
    { name: 'cut after content', modes: STREAMED, play: fault({ cut: after }), expected: broken('transient') },
    { name: 'ended after content', modes: STREAMED, play: fault({ truncate: after }), expected: broken('transient') },
    {
      name: 'an error after content',
      modes: STREAMED,
      play: fault({ error: after }),
      expected: broken('transient', { hidden: false }),
    },
    {
      name: 'silence after content',
      modes: STREAMED,
      hasty: true,
      play: fault({ stall: after }),
      expected: broken('hang'),
    },
    {
      name: 'reset after content',
      modes: STREAMED,
      reset: true,
      play: fault({ stall: after }),
      expected: broken('transient', { exact: false }),
    },
  ];
}

export function rowsFor(caller: Caller): readonly Row[] {
  return [...beforeTheHead(), ...statuses(caller), ...badAnswers(caller), ...afterContent(caller)];
}
