// SPDX-License-Identifier: Apache-2.0
// A primary that fails: one server whose paths begin with the name of the case, so that each case has a provider, a fault and a count of
// its own. Its answers are those of the simulated provider with other words, so that a byte of them in a caller's answer shows.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../src/proxy/clock.ts';
import { type Answer, jsonAnswer, type WireEvent } from '../fakes/provider/answer.ts';
import { deliver } from '../fakes/provider/deliver.ts';
import type { Fault } from '../fakes/provider/fault.ts';
import { findRoute } from '../fakes/provider/routes.ts';
import { createWire } from '../fakes/provider/wire.ts';

/** What stands in everything that the primary says: in headers, ids and text. */
export const LEAK = 'leaked';
/** Begins each prompt; the primary reads another word in its place. */
export const ASKED = 'asked';

/** What the primary does to a call. */
export type Play =
  /** Its own answer, with a fault. */
  | { readonly kind: 'fault'; readonly fault: Fault }
  /** Its stream up to the first content, an error event, and then silence. */
  | { readonly kind: 'error-and-silence' }
  /** Another answer altogether. */
  | { readonly kind: 'answer'; readonly status: number; readonly headers: readonly string[]; readonly body: string };

export interface Visit {
  readonly path: string;
  readonly headers: readonly string[];
  readonly body: string;
  /** Resolves when the connection is closed, by whomever. */
  readonly closed: Promise<void>;
  /** Resets the connection now. */
  reset(): void;
}

export class Primary {
  readonly #server: Server;
  readonly #plays = new Map<string, (visit: Visit) => Play>();
  readonly #visits = new Map<string, Visit[]>();

  constructor() {
    this.#server = createServer((req, res) => void this.#serve(req, res));
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What the case of this name meets. */
  play(name: string, play: (visit: Visit) => Play): void {
    this.#plays.set(name, play);
  }

  visits(name: string): readonly Visit[] {
    return this.#visits.get(name) ?? [];
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const [, name = '', ...rest] = (req.url ?? '').split('/');
    // A fresh connection each time: what a used one means is a case of its own.
    res.shouldKeepAlive = false;
    const wire = createWire(res, req.socket);
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    const whole = await new Promise<boolean>((resolve) => {
      req.once('end', () => resolve(true));
      req.once('close', () => resolve(false));
    });
    const body = Buffer.concat(parts).toString('utf8');
    const visit: Visit = {
      path: `/${rest.join('/')}`,
      headers: [...req.rawHeaders],
      body,
      closed: new Promise((resolve) => wire.closed.addEventListener('abort', () => resolve(), { once: true })),
      reset: wire.reset,
    };
    this.#visits.set(name, [...this.visits(name), visit]);
    const play = whole ? this.#plays.get(name)?.(visit) : undefined;
    if (play === undefined) return void req.socket.destroy();
    const answer = play.kind === 'answer' ? said(play) : answerTo(req, visit);
    const told = play.kind === 'error-and-silence' ? errorOf(answer) : answer;
    const fault = play.kind === 'fault' ? play.fault : play.kind === 'answer' ? {} : { stall: [...told.events].length };
    const headers = ['x-request-id', LEAK, 'x-ratelimit-remaining-requests', LEAK, ...told.headers];
    await deliver(wire, { ...told, headers }, fault, systemClock, { sent: () => undefined, ended: () => undefined });
  }
}

/** Its numbers in ids and its words are none of the backups'. */
const CONTEXT = {
  serial: 990_000_000,
  requestId: LEAK,
  say: { serial: 990_000_000, pieces: 8, padBytes: 0 },
  created: 1,
};

function answerTo(req: IncomingMessage, { path, body }: Visit): Answer {
  const [plain = '', query = ''] = path.split('?');
  const route = findRoute(req.method ?? '', plain, (name) => req.headers[name]?.toString());
  if (route === undefined) return jsonAnswer({ error: { message: `no such path: ${plain}` } }, [], 404);
  const parsed = JSON.parse(body.replaceAll(ASKED, LEAK)) as unknown;
  const request = { body: parsed, model: LEAK, pathStream: route.pathStream, query: new URLSearchParams(query) };
  return route.endpoint(request, CONTEXT);
}

function errorOf(answer: Answer): Answer {
  const events = [...answer.events];
  const preamble = events.slice(
    0,
    events.findIndex(({ content }) => content),
  );
  return { ...answer, events: [...preamble, { bytes: answer.inBandError, content: false }] };
}

function said({ status, headers, body }: Extract<Play, { kind: 'answer' }>): Answer {
  const events: WireEvent[] = [{ bytes: Buffer.from(body), content: true }];
  const at = headers.indexOf('content-type');
  const contentType = at < 0 ? 'application/json' : (headers[at + 1] ?? '');
  const others = at < 0 ? headers : headers.toSpliced(at, 2);
  return { status, contentType, headers: others, streamed: false, events, inBandError: Buffer.alloc(0) };
}
