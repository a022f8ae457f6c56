// SPDX-License-Identifier: Apache-2.0
// Who answers on the data folder now: reads where a daemon says it is and asks it. Knows no host.

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

/** Undefined: nobody does. */
export async function findDaemon(place: Place | undefined, clock: Clock): Promise<Answering | undefined> {
  if (place === undefined) return undefined;
  const stop = new AbortController();
  const limit = clock.after(LIMIT_MS, () => stop.abort());
  try {
    const response = await agentFetch(place)(`${place.origin}/v1/state`, {
      headers: { [API_VERSION_HEADER]: String(API_VERSION) },
      signal: stop.signal,
    });
    const api = versionOf(response);
    if (api !== API_VERSION) {
      await response.body?.cancel();
      // No version at all: another program has its port, or it does not know the token.
      return api === undefined ? undefined : { place, api };
    }
    if (!response.ok) {
      await response.body?.cancel();
      return undefined;
    }
    return { place, api: agentState.safeParse(await jsonOf(response)).success ? api : undefined };
  } catch {
    return undefined;
  } finally {
    limit.clear();
  }
}
