// SPDX-License-Identifier: Apache-2.0
// The agent over its local API: from the page in a browser (its cookie signs it in) and from the tray (by the token). Owns reconnecting;
// shows nothing. Whatever comes is parsed before it is believed.

import * as z from 'zod/mini';
import type { Clock, Timer } from '../contract/clock.ts';
import {
  agentState,
  type DoctorCheck,
  type DoctorReport,
  doctorCheck,
  doctorReport,
  recordedView,
} from '../contract/local-api.ts';
import { API_VERSION, API_VERSION_HEADER } from '../contract/local-api-constants.ts';
import { callDetail, callsPage, usageReport } from '../contract/local-history.ts';
import type { AgentClient, Watcher } from './agent-client.ts';
import { createSseParser, type SseEvent } from './sse.ts';

export interface HttpClientParts {
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  /** Origin of the API; '' for the page's own. */
  readonly base: string;
}

/** Waits before each try; the last one repeats. Short, because the daemon is on this machine. Milliseconds. */
const WAITS = [500, 1_000, 2_000, 4_000] as const;
/** Three heartbeats of the daemon. Milliseconds. */
const SILENCE = 30_000;

class SignedOut extends Error {}
class Outdated extends Error {}
class NotThere extends Error {}

export function createHttpClient({ fetch, clock, base }: HttpClientParts): AgentClient {
  let skipWait: (() => void) | undefined;

  const open = async (path: string, signal?: AbortSignal): Promise<Response> => {
    const response = await fetch(base + path, {
      headers: { [API_VERSION_HEADER]: String(API_VERSION) },
      credentials: 'same-origin',
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.status === 401) throw new SignedOut();
    if (response.headers.get(API_VERSION_HEADER) !== String(API_VERSION)) throw new Outdated();
    if (response.status === 404) throw new NotThere();
    if (!response.ok) throw new Error(`status ${response.status}`);
    return response;
  };

  const get = async <T>(path: string, schema: z.ZodMiniType<T>): Promise<T> => {
    const response = await open(path);
    return z.parse(schema, await response.json());
  };

  /** Hands over each event of a stream, until it ends, is silent for too long, or is stopped. */
  const stream = async (path: string, stop: AbortSignal, take: (event: SseEvent) => void): Promise<void> => {
    const attempt = new AbortController();
    const silence = clock.after(SILENCE, () => attempt.abort());
    const abort = (): void => attempt.abort();
    stop.addEventListener('abort', abort);
    try {
      const response = await open(path, attempt.signal);
      const parse = createSseParser();
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value = '', done = true } = (await reader?.read()) ?? {};
        silence.refresh();
        for (const event of parse(value)) take(event);
        if (done) return;
      }
    } finally {
      silence.clear();
      stop.removeEventListener('abort', abort);
      attempt.abort();
    }
  };

  const follow = (watcher: Watcher, stop: AbortSignal): Promise<void> =>
    stream('/v1/events', stop, ({ event, data }) => {
      if (event !== 'state') return;
      const state = agentState.safeParse(JSON.parse(data));
      if (!state.success) throw new Outdated();
      watcher.link({ kind: 'live' });
      watcher.state(state.data);
    });

  const doctor = async (
    each: (check: DoctorCheck) => void,
    stop: AbortSignal = new AbortController().signal,
  ): Promise<DoctorReport> => {
    let report: DoctorReport | undefined;
    await stream('/v1/doctor/events', stop, ({ event, data }) => {
      if (event === 'check') each(z.parse(doctorCheck, JSON.parse(data)));
      if (event === 'report') report = z.parse(doctorReport, JSON.parse(data));
    });
    if (report === undefined) throw new Error('the checks broke off');
    return report;
  };

  const call = async (id: string) => {
    try {
      return await get(`/v1/calls/${encodeURIComponent(id)}`, callDetail);
    } catch (error) {
      if (error instanceof NotThere) return undefined;
      throw error;
    }
  };

  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer: Timer = clock.after(ms, resolve);
      skipWait = () => {
        timer.clear();
        resolve();
      };
    });

  const run = async (watcher: Watcher, stop: AbortSignal): Promise<void> => {
    let tries = 0;
    let lostSince: number | undefined;
    const counting: Watcher = {
      ...watcher,
      link(link) {
        if (link.kind === 'live') {
          tries = 0;
          lostSince = undefined;
        }
        watcher.link(link);
      },
    };
    while (!stop.aborted) {
      try {
        await follow(counting, stop);
      } catch (error) {
        if (stop.aborted) return;
        if (error instanceof SignedOut) watcher.link({ kind: 'signed-out' });
        if (error instanceof Outdated) watcher.link({ kind: 'outdated' });
        // Both may pass by themselves: the person signs in in another tab, or an upgrade ends. So it is tried on, slowly.
        if (error instanceof SignedOut || error instanceof Outdated) {
          await wait(WAITS[3]);
          continue;
        }
      }
      if (stop.aborted) return;
      lostSince ??= clock.now();
      watcher.link({ kind: 'lost', since: lostSince });
      await wait(WAITS[Math.min(tries++, WAITS.length - 1)] ?? WAITS[0]);
    }
  };

  return {
    watch(watcher) {
      const stop = new AbortController();
      watcher.link({ kind: 'connecting' });
      void run(watcher, stop.signal);
      return () => {
        stop.abort();
        skipWait?.();
      };
    },
    retry: () => skipWait?.(),
    recorded: () => get('/v1/recorded', recordedView),
    usage: () => get('/v1/usage', usageReport),
    calls: (query) => get(`/v1/calls?${new URLSearchParams(query as Record<string, string>)}`, callsPage),
    call,
    doctor,
  };
}
