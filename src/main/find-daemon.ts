// SPDX-License-Identifier: Apache-2.0
// Who answers on the data folder now: asks where a daemon says it is. Knows no host.

import type { Clock } from '../contract/clock.ts';
import { agentState } from '../contract/local-api.ts';
import { API_VERSION, API_VERSION_HEADER } from '../contract/local-api-constants.ts';
import { agentFetch } from './agent-fetch.ts';
import type { Place } from './run-file.ts';

export interface Answering {
  readonly place: Place;
  /** Its version of the local API; undefined: it says none, or its state is not of the form that we know. */
  readonly api: number | undefined;
}

/** One that lives answers at once; one whose machine is overloaded within this. Milliseconds. */
const LIMIT_MS = 5_000;

/** A state has about 60 KB. */
const MOST_BYTES = 4 * 2 ** 20;

/** @throws if it is too long, or no JSON */
async function jsonOf(response: Response): Promise<unknown> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const { value, done = true } = (await reader?.read()) ?? {};
    if (value !== undefined) chunks.push(value);
    bytes += value?.byteLength ?? 0;
    if (bytes > MOST_BYTES) {
      await reader?.cancel();
      throw new RangeError('too long');
    }
    if (done) return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  }
}

function versionOf(response: Response): number | undefined {
  const said = response.headers.get(API_VERSION_HEADER) ?? '';
  return /^\d{1,6}$/.test(said) ? Number(said) : undefined;
}

/** Undefined: nobody does. Rejects when the one who answers is not our daemon, or it breaks off. */
async function ask(place: Place, clock: Clock, signal: AbortSignal): Promise<Answering | undefined> {
  const response = await agentFetch(place, clock)(`${place.origin}/v1/state`, {
    headers: { [API_VERSION_HEADER]: String(API_VERSION) },
    signal,
  });
  const api = versionOf(response);
  if (api !== API_VERSION) {
    await response.body?.cancel();
    // No version at all: it does not know the token.
    return api === undefined ? undefined : { place, api };
  }
  if (!response.ok) {
    await response.body?.cancel();
    return undefined;
  }
  return { place, api: agentState.safeParse(await jsonOf(response)).success ? api : undefined };
}

/** Undefined: nobody does, or a program that has not proven to be the daemon of this place. Never later than the limit. */
export async function findDaemon(place: Place | undefined, clock: Clock): Promise<Answering | undefined> {
  if (place === undefined) return undefined;
  const stop = new AbortController();
  let end: (nothing: undefined) => void;
  const late = new Promise<undefined>((resolve) => {
    end = resolve;
  });
  const limit = clock.after(LIMIT_MS, () => {
    stop.abort();
    end(undefined);
  });
  try {
    return await Promise.race([ask(place, clock, stop.signal), late]);
  } catch {
    return undefined;
  } finally {
    limit.clear();
  }
}
