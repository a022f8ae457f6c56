// SPDX-License-Identifier: Apache-2.0
// Asks the status pages of the providers in use, now and then, and keeps what they say as a hint for people. A hint opens no breaker
// and holds no call. Must not know sockets, routing or how hints are shown.

import type { Clock, Timer } from '../../contract/clock.ts';
import type { Reading, StatusHint } from './hint.ts';
import { ownStatusPage, type StatusPage, statusPageOf } from './pages.ts';
import { readFeed } from './read-feed.ts';
import { readJsonPage } from './read-json.ts';

export const DEFAULT_STATUS_INTERVAL_MS = 300_000;
/** Share by which each wait varies, so that a fleet does not ask in step. */
const JITTER = 0.2;
/** A page that does not answer is asked at most this seldom. Milliseconds. */
const MAX_INTERVAL_MS = 3_600_000;
/** From asking to the last byte; shorter than a tick, so that a page is never asked twice at once. Milliseconds. */
const TIMEOUT_MS = 10_000;
const MAX_BYTES = 1024 * 1024;
/** Google's list has all incidents of some years with all their texts. */
const MAX_GOOGLE_BYTES = 4 * 1024 * 1024;
/** How often it is looked whose turn it is. Milliseconds. */
const TICK_MS = 15_000;

export interface PageAnswer {
  readonly status: number;
  /** By lower-case name. */
  header(name: string): string | undefined;
  /** Decoded bytes. Not read to its end when it is too long; leaving the loop must free the connection. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Over the daemon's own trusted connector. No redirect is followed; rejects when `signal` aborts. */
export type GetPage = (
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
) => Promise<PageAnswer>;

export interface UsedProvider {
  readonly name: string;
  readonly type: string;
  readonly region: string | undefined;
  /** Its own page; false: none is asked; undefined: the vendor's. */
  readonly page?: string | false | undefined;
}

function pageOf({ type, region, page }: UsedProvider): StatusPage | undefined {
  if (page === false) return undefined;
  return page === undefined ? statusPageOf(type, region) : ownStatusPage(page);
}

export interface StatusWatchOptions {
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly get: GetPage;
  /** Providers that calls went to lately. */
  readonly inUse: () => readonly UsedProvider[];
  readonly intervalMs: () => number;
  /** A level or headline has changed. */
  readonly onChange: () => void;
}

export interface StatusWatch {
  /** undefined: the provider has no page, or was not asked yet. */
  hintOf(provider: UsedProvider): StatusHint | undefined;
  close(): void;
}

interface Asked {
  readonly page: StatusPage;
  hint: StatusHint | undefined;
  validators: Readonly<Record<string, string>>;
  failures: number;
  /** Monotonic milliseconds. */
  due: number;
  running: AbortController | undefined;
}

class PageError extends Error {}

async function bodyOf({ body }: PageAnswer, limit: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) throw new PageError('too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What the next request asks with, so that an unchanged page is not sent again. Foreign values: only those that are header values. */
function validatorsOf(answer: PageAnswer): Readonly<Record<string, string>> {
  const pairs = [
    ['if-none-match', answer.header('etag')],
    ['if-modified-since', answer.header('last-modified')],
  ] as const;
  return Object.fromEntries(
    pairs.flatMap(([name, value]) => (value !== undefined && /^[ -~]{1,256}$/.test(value) ? [[name, value]] : [])),
  );
}

export function watchStatusPages(options: StatusWatchOptions): StatusWatch {
  const { clock, random, get, inUse, intervalMs, onChange } = options;
  /** By address: several providers may share a page. */
  const pages = new Map<string, Asked>();

  function read(page: StatusPage, text: string): Reading {
    return page.form === 'feed' ? readFeed(text, page.about, clock.now()) : readJsonPage(page, text);
  }

  function keep(asked: Asked, reading: NonNullable<Reading>): void {
    // Meanwhile forgotten.
    if (pages.get(asked.page.url) !== asked) return;
    const before = asked.hint;
    const hint = { ...reading, at: clock.now(), url: asked.page.page };
    asked.hint = hint;
    if (before?.level !== hint.level || before.text !== hint.text) onChange();
  }

  async function answered(asked: Asked, signal: AbortSignal): Promise<void> {
    const { page } = asked;
    const accept =
      page.form === 'feed' ? 'application/rss+xml, application/atom+xml, application/xml' : 'application/json';
    const answer = await get(page.url, { accept, ...asked.validators }, signal);
    if (answer.status === 304 && asked.hint !== undefined && asked.hint.level !== 'unknown') {
      asked.hint = { ...asked.hint, at: clock.now() };
      return;
    }
    if (answer.status !== 200) throw new PageError(`status ${answer.status}`);
    const text = await bodyOf(answer, page.form === 'google' ? MAX_GOOGLE_BYTES : MAX_BYTES);
    const reading = read(page, text);
    if (reading === undefined) throw new PageError('not understood');
    asked.validators = validatorsOf(answer);
    keep(asked, reading);
  }

  async function ask(asked: Asked): Promise<void> {
    const controller = new AbortController();
    asked.running = controller;
    const timer = clock.after(TIMEOUT_MS, () => controller.abort(new PageError('timeout')));
    const aborted = new Promise<never>((_resolve, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
    });
    try {
      // Whatever `get` makes of the signal, the wait is over with it.
      await Promise.race([answered(asked, controller.signal), aborted]);
      asked.failures = 0;
    } catch {
      asked.failures += 1;
      asked.validators = {};
      keep(asked, { level: 'unknown', text: '' });
    }
    timer.clear();
    asked.running = undefined;
    const wait = Math.min(intervalMs() * 2 ** Math.min(asked.failures, 10), Math.max(MAX_INTERVAL_MS, intervalMs()));
    asked.due = clock.monotonic() + wait * (1 - JITTER + 2 * JITTER * random());
  }

  function tick(): void {
    const now = clock.monotonic();
    const wanted = new Set<string>();
    for (const provider of inUse()) {
      const page = pageOf(provider);
      if (page === undefined || wanted.has(page.url)) continue;
      wanted.add(page.url);
      const known = pages.get(page.url);
      const asked = known ?? { page, hint: undefined, validators: {}, failures: 0, due: now, running: undefined };
      pages.set(page.url, asked);
      if (asked.due <= now) void ask(asked);
    }
    // What nobody uses any more is forgotten, so that an old hint is never shown for a new one.
    for (const [url, asked] of pages) {
      if (wanted.has(url)) continue;
      pages.delete(url);
      asked.running?.abort(new PageError('not in use'));
    }
  }

  const timer: Timer = clock.every(TICK_MS, tick);
  tick();

  return {
    hintOf(provider) {
      const page = pageOf(provider);
      return page === undefined ? undefined : pages.get(page.url)?.hint;
    },
    close() {
      timer.clear();
      for (const { running } of pages.values()) running?.abort(new PageError('closed'));
      pages.clear();
    },
  };
}
