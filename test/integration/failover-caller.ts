// SPDX-License-Identifier: Apache-2.0
// What a test knows of a caller's dialect: how to ask, and a strict reading of what comes back, written apart from the agent's own.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import type { Agent } from '../fakes/agent.ts';
import { gatewayToken } from './daemon-kit.ts';
import type { Play } from './failover-primary.ts';

export type Mode = 'json' | 'stream' | 'array';

/** A streamed answer, as far as it came. */
export interface Streamed {
  readonly text: string;
  /** The dialect's normal end came, and nothing after it. */
  readonly done: boolean;
  /** Messages of in-band errors, in order. */
  readonly errors: readonly string[];
  /** As the answer names it; undefined: the dialect does not. */
  readonly model: string | undefined;
}

export interface Caller {
  /** As in rows. */
  readonly dialect: string;
  readonly modes: readonly Mode[];
  /** Provider type of the primary and of the backup that speaks the same. */
  readonly type: string;
  readonly sameModel: string;
  /** The backup of another dialect. */
  readonly other: { readonly type: string; readonly model: string };
  readonly family: 'openai' | 'anthropic' | 'gemini' | 'bedrock';
  /** Events of a stream before the first piece of text. */
  readonly preamble: number;
  /** What its simulated in-band error is. */
  readonly inBand: string;
  /** Below the provider's segment at the gateway. */
  path(model: string, mode: Mode): string;
  body(model: string, prompt: string, mode: Mode): object;
  /** Throws on anything that its SDK would stumble over. */
  whole(body: string): { readonly text: string; readonly model: string | undefined };
  streamed(body: Buffer, mode: Mode): Streamed;
  /** The sentence of an error answer; throws where it has not the dialect's shape. */
  error(body: string, header: (name: string) => string | undefined): string;
  /** No money left; a model that does not exist; a prompt too long: in the vendor's words. */
  readonly refusals: Readonly<Record<'quota' | 'noModel' | 'tooLong', Extract<Play, { kind: 'answer' }>>>;
}

export interface Seen {
  readonly status: number;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** false: the connection broke off within the answer. */
  readonly clean: boolean;
  header(name: string): string | undefined;
}

/** A call through the gateway over a connection of its own. `onBytes`: the first bytes of the body have come. */
export function ask(agent: Agent, path: string, body: object, onBytes?: () => void): Promise<Seen> {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const req = request({
      ...{ host: '127.0.0.1', port: agent.gatewayPort, path, method: 'POST', agent: false },
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
        authorization: 'Bearer key-of-the-app',
        'x-api-key': 'key-of-the-app',
        ...gatewayToken(agent.dataDir),
      },
    });
    req.on('error', reject);
    req.on('response', (res) => {
      const parts: Buffer[] = [];
      const end = (clean: boolean): void =>
        resolve({
          status: res.statusCode ?? 0,
          rawHeaders: res.rawHeaders,
          body: Buffer.concat(parts),
          clean,
          header: (name) => res.headers[name]?.toString(),
        });
      // A broken answer is told to the request as well, once the answer is known.
      req.removeListener('error', reject).on('error', () => undefined);
      res.on('data', (part: Buffer) => {
        if (parts.push(part) === 1) onBytes?.();
      });
      res.on('end', () => end(true));
      res.on('error', () => end(false));
    });
    req.end(text);
  });
}

export type Members = Readonly<Record<string, unknown>>;

export function members(value: unknown): Members {
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), `an object, not ${String(value)}`);
  return value as Members;
}

export function only(value: unknown): Members {
  assert.ok(Array.isArray(value) && value.length === 1, `a list of one: ${JSON.stringify(value)}`);
  return members(value[0]);
}

export function words(value: unknown): string {
  assert.equal(typeof value, 'string', `text, not ${JSON.stringify(value)}`);
  return String(value);
}

/** A count above zero: a lost one shows. */
export function counted(value: unknown): void {
  assert.ok(Number.isSafeInteger(value) && Number(value) > 0, `a count, not ${JSON.stringify(value)}`);
}

export interface SseEvent {
  readonly name: string | undefined;
  readonly data: string;
}

/** Whole events only: what broke off is told by the connection, not by half an event. */
export function sseEvents(body: Buffer): readonly SseEvent[] {
  const text = body.toString('utf8');
  assert.ok(text === '' || text.endsWith('\n\n'), `an event is cut: ${text.slice(-80)}`);
  // Empty lines between events mean nothing: our own error ends an event that may have been cut.
  const blocks = text.split(/\n{2,}/).filter((block) => block.trim() !== '');
  return blocks.map((block) => {
    const lines = block
      .trim()
      .split('\n')
      .map((line) => /^(event|data): (.*)$/.exec(line) ?? assert.fail(`a line: ${line}`));
    const of = (field: string): string[] => lines.filter((line) => line[1] === field).map((line) => line[2] ?? '');
    assert.equal(of('data').length, 1, block);
    return { name: of('event')[0], data: of('data')[0] ?? '' };
  });
}
