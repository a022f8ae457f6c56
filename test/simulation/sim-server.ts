// SPDX-License-Identifier: Apache-2.0
// A control plane in virtual time: documents, rings, nudges and bundles are those of the real one on a database in memory; sockets,
// signatures of requests and the time that an answer takes are made up. It may be away, or ask for patience, or stand behind caches.
// Counts what arrives at it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROTOCOL, PROTOCOL_HEADER } from '../../src/contract/sync/limits.ts';
import type { StatusRequest } from '../../src/contract/sync/messages.ts';
import type { Context, NudgeEvent } from '../../src/control-plane/context.ts';
import { openDb } from '../../src/control-plane/db/open.ts';
import { storeStatus } from '../../src/control-plane/devices/status.ts';
import { createBus } from '../../src/control-plane/events/bus.ts';
import { openKeys } from '../../src/control-plane/keys/folder.ts';
import { type FreshDocument, freshDocument } from '../../src/control-plane/objects/fresh.ts';
import { bundleBytes } from '../../src/control-plane/objects/immutable.ts';
import { createOrg } from '../../src/control-plane/orgs/create.ts';
import { silentLog } from '../../src/proxy/log.ts';
import type { Asked, Http, Reply, Streamed } from '../../src/proxy/sync/http.ts';
import { Arrivals, type Kind } from './arrivals.ts';
import { Caches, isPublic } from './caches.ts';
import type { VirtualClock } from './virtual-clock.ts';

export const ORG = 'acme';

export type Mood =
  | { readonly kind: 'up' }
  /** Nothing listens. */
  | { readonly kind: 'away' }
  /** All are told to come back after so many seconds. */
  | { readonly kind: 'busy'; readonly retryAfterS: number };

/** Whose requests they are. */
export interface Caller {
  readonly device: string;
  ring(): string;
  /** Its network leads somewhere. */
  isOnline(): boolean;
}

export interface SimServerOptions {
  readonly clock: VirtualClock;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Settings of the organisation. */
  readonly settings?: unknown;
  /** Status reports go into the database, so that roll-outs see them. Costs the most. */
  readonly storesStatus?: boolean;
  /** Of a content delivery network in front. */
  readonly caches?: number;
}

interface OpenStream {
  readonly caller: Caller;
  readonly streamed: Streamed;
  readonly end: (why: string) => void;
}

const COMMENT = Buffer.from(':\n\n');
const HEARTBEAT_MS = 30_000;
const HEADERS = { [PROTOCOL_HEADER]: PROTOCOL };
const NOTHING = Buffer.alloc(0);
/** Either way of what `Retry-After` asks for. */
const SPREAD = 0.2;
/** Milliseconds of the way to the server, and as much back. */
const WAY = { least: 10, most: 60 };
/** A document that nobody was nudged about is looked at again. */
const DOCUMENT_MS = 600_000;

function json(status: number, value: unknown, headers: Record<string, string> = {}): Reply {
  return {
    kind: 'answer',
    status,
    headers: { ...HEADERS, ...headers },
    body: Buffer.from(JSON.stringify(value), 'utf8'),
  };
}

const REFUSED = { kind: 'none', why: 'ECONNREFUSED' } as const satisfies Reply;
const DISCOVERY = json(200, { protocols: [PROTOCOL], server: 'simulated', now: 0 });
const STORED = json(200, {});

function kindOf(path: string): Kind {
  if (path === 'v1/stream') return 'stream';
  if (path === 'v1/status') return 'status';
  if (path === 'v1/audit') return 'upload';
  return path === 'v1/secrets' || path.includes('/b/') ? 'fetch' : 'look';
}

export class SimServer {
  readonly ctx: Context;
  readonly arrivals = new Arrivals();
  mood: Mood = { kind: 'up' };
  readonly caches: Caches | undefined;
  readonly #clock: VirtualClock;
  readonly #random: () => number;
  readonly #storesStatus: boolean;
  readonly #streams = new Set<OpenStream>();
  readonly #documents = new Map<string, { readonly at: number; readonly document: FreshDocument | undefined }>();
  readonly #folder: string;
  /** Until when a device was asked to stay away, by what it asked for. */
  readonly #patience = new Map<string, number>();
  #nonces = 0;
  #impatient = 0;

  private constructor(ctx: Context, folder: string, options: SimServerOptions) {
    const { clock, random, storesStatus = false, caches: count } = options;
    this.ctx = ctx;
    this.caches = count === undefined ? undefined : new Caches({ count, clock, random });
    this.#folder = folder;
    this.#clock = clock;
    this.#random = random;
    this.#storesStatus = storesStatus;
    ctx.events.subscribe((event) => this.#nudge(event));
    clock.every(HEARTBEAT_MS, () => {
      for (const { streamed } of [...this.#streams]) streamed.onBytes(COMMENT);
    });
  }

  static async open(options: SimServerOptions): Promise<SimServer> {
    const { clock, random, settings } = options;
    const folder = mkdtempSync(join(tmpdir(), 'outpost-simulation-'));
    const db = await openDb('sqlite::memory:');
    const ctx: Context = {
      db,
      keys: openKeys(join(folder, 'keys')),
      clock,
      log: silentLog,
      events: createBus(silentLog),
      // The draw of rings is among what it decides.
      random: (bytes) => Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256))),
    };
    await createOrg(ctx, join(folder, 'keys'), { id: ORG, name: ORG, settings });
    return new SimServer(ctx, folder, options);
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** Requests that came earlier than `Retry-After` less a fifth allows. */
  get impatient(): number {
    return this.#impatient;
  }

  async close(): Promise<void> {
    await this.ctx.db.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** It is gone for so long: streams end, what comes meanwhile meets nothing. */
  restart(awayMs: number): void {
    this.mood = { kind: 'away' };
    for (const { end } of [...this.#streams]) end('cut-off');
    this.#clock.after(awayMs, () => {
      this.mood = { kind: 'up' };
    });
  }

  /** The doors of one device. */
  http(caller: Caller): Http {
    return {
      ask: (asked) => this.#ask(caller, asked),
      stream: (streamed) => this.#stream(caller, streamed),
      retire: () => undefined,
      close: () => undefined,
    };
  }

  #way(): number {
    return WAY.least + this.#random() * (WAY.most - WAY.least);
  }

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(ms, resolve));
  }

  #isGone(caller: Caller): boolean {
    return this.mood.kind === 'away' || !caller.isOnline();
  }

  async #ask(caller: Caller, asked: Asked): Promise<Reply> {
    if (this.#isGone(caller)) return REFUSED;
    await this.#pass(this.#way());
    const { caches } = this;
    const answering =
      caches !== undefined && isPublic(asked.path)
        ? caches.answer(asked, () => this.#answer(caller, { ...asked, headers: {} }))
        : this.#answer(caller, asked);
    this.#clock.hold(answering);
    const reply = await answering;
    await this.#pass(this.#way());
    return reply;
  }

  #arrive({ device }: Caller, path: string): Reply | undefined {
    if (this.mood.kind === 'away') return REFUSED;
    const kind = kindOf(path);
    const now = this.#clock.monotonic();
    this.arrivals.count(kind, now);
    const asked = `${kind} ${device}`;
    if (now < (this.#patience.get(asked) ?? 0)) this.#impatient += 1;
    this.#patience.delete(asked);
    if (this.mood.kind === 'up') return undefined;
    this.#patience.set(asked, now + this.mood.retryAfterS * 1000 * (1 - SPREAD));
    const after = { 'retry-after': String(this.mood.retryAfterS) };
    return json(503, { error: 'unavailable', message: 'come back later' }, after);
  }

  async #answer(caller: Caller, { path, headers, body }: Asked): Promise<Reply> {
    const refused = this.#arrive(caller, path);
    if (refused !== undefined) return refused;
    const parts = path.split('/');
    if (path === '.well-known/outpost-sync') return DISCOVERY;
    if (path === 'v1/status') return await this.#status(caller, body as StatusRequest);
    if (path === 'v1/audit') return STORED;
    if (path === 'v1/secrets')
      return { kind: 'answer', status: 200, headers: { ...HEADERS, etag: '"1"' }, body: NOTHING };
    if (path.endsWith('/fresh')) {
      const document = await this.#document(parts[4] ?? '');
      if (document === undefined) return json(404, { error: 'missing', message: 'there is no such ring' });
      const held = headers?.['if-none-match'] === document.etag;
      const answer = { ...HEADERS, etag: document.etag };
      if (held) return { kind: 'answer', status: 304, headers: answer, body: NOTHING };
      return { kind: 'answer', status: 200, headers: answer, body: Buffer.from(document.body, 'utf8') };
    }
    const bytes = parts[3] === 'b' ? await bundleBytes(this.ctx, ORG, parts[4] ?? '') : undefined;
    if (bytes === undefined) return json(404, { error: 'missing', message: 'there is nothing here' });
    return { kind: 'answer', status: 200, headers: HEADERS, body: bytes };
  }

  async #document(ring: string): Promise<FreshDocument | undefined> {
    const known = this.#documents.get(ring);
    const at = this.#clock.monotonic();
    if (known !== undefined && at - known.at < DOCUMENT_MS) return known.document;
    const document = await freshDocument(this.ctx, ORG, ring);
    this.#documents.set(ring, { at, document });
    return document;
  }

  async #status({ device, ring }: Caller, status: StatusRequest): Promise<Reply> {
    const now = this.#clock.now();
    if (!this.#storesStatus) return json(200, { now, ring: ring(), reenroll: false, user: null });
    const signature = { keyid: device, created: Math.floor(now / 1000), nonce: String(++this.#nonces) };
    return json(200, await storeStatus(this.ctx, { id: device, org: ORG }, status, signature));
  }

  #stream(caller: Caller, streamed: Streamed): () => void {
    if (this.#isGone(caller)) {
      queueMicrotask(() => streamed.onEnd(REFUSED.why));
      return () => undefined;
    }
    let over = false;
    const end = (why: string): void => {
      if (over) return;
      over = true;
      head.clear();
      this.#streams.delete(open);
      streamed.onEnd(why);
    };
    const open: OpenStream = { caller, streamed, end };
    const head = this.#clock.after(streamed.headMs, () => end('deadline'));
    const back = (then: () => void): void => {
      this.#clock.after(this.#way(), () => {
        if (!over) then();
      });
    };
    back(() => {
      const refused = this.#arrive(caller, streamed.path);
      if (refused === undefined) this.#streams.add(open);
      back(() => {
        if (refused?.kind === 'none') return end(refused.why);
        head.clear();
        if (!streamed.onHead(refused?.status ?? 200, refused?.headers ?? HEADERS)) return end('refused');
        streamed.onBytes(COMMENT);
      });
    });
    return () => end('closed');
  }

  #nudge({ ring, seq, spread_s }: NudgeEvent): void {
    if (ring === undefined) this.#documents.clear();
    else this.#documents.delete(ring);
    const bytes = Buffer.from(`event: fresh\ndata: ${JSON.stringify({ seq, spread_s })}\n\n`);
    for (const { caller, streamed } of this.#streams) {
      if (ring !== undefined && caller.ring() !== ring) continue;
      this.#clock.after(this.#way(), () => streamed.onBytes(bytes));
    }
  }
}
