// SPDX-License-Identifier: Apache-2.0
// One connection to the daemon that has shown, over this very connection, that it knows the token: only then may the token be sent, and only
// on it. Port and run file do not say who listens: after a crash it may be a program of another user. For the tray and the commands.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Agent, type ClientRequestArgs, type IncomingMessage, request } from 'node:http';
import type { Clock } from '../contract/clock.ts';
import { type Ends, type Hmac, PROOF, PROOF_PATH, proofOf } from '../contract/local-api-proof.ts';
import { hasMembers } from '../contract/members.ts';

/** A daemon that lives answers at once. Milliseconds. */
const PATIENCE_MS = 5_000;
/** The answer has 55. */
const MOST_BYTES = 256;

/** Something listens there, but not the daemon whose token this is. */
export class NotTheDaemon extends Error {
  constructor() {
    super('it is not the daemon');
  }
}

const hmac: Hmac = (key, text) => createHmac('sha256', key).update(text).digest('base64url');

/** A second connection may lead to another program. Also, unlike the global agent, it knows no proxy. */
class OneConnection extends Agent {
  #made = false;
  override createConnection(
    options: ClientRequestArgs,
    callback?: Parameters<Agent['createConnection']>[1],
  ): ReturnType<Agent['createConnection']> {
    if (this.#made) {
      callback?.(new Error('the connection ended'), undefined as never);
      return undefined;
    }
    this.#made = true;
    return super.createConnection(options, callback);
  }
}

function endsOf({ localAddress, localPort, remoteAddress, remotePort }: IncomingMessage['socket']): Ends {
  return { client: `${localAddress} ${localPort}`, server: `${remoteAddress} ${remotePort}` };
}

interface Said {
  readonly proof: string;
  readonly ends: Ends;
}

/** @throws NotTheDaemon */
function saidIn(body: string, ends: Ends): Said {
  try {
    const said: unknown = JSON.parse(body);
    if (hasMembers(said, PROOF)) return { ...said, ends };
  } catch {}
  throw new NotTheDaemon();
}

/** Rejects soon, whatever comes. No header names our version of the API: one of another version is to prove itself, too. */
function ask(
  agent: Agent,
  origin: string,
  nonce: string,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<Said> {
  return new Promise<Said>((resolve, reject) => {
    const call = request(new URL(`${PROOF_PATH}?nonce=${nonce}`, origin), {
      agent,
      ...(signal === undefined ? {} : { signal }),
    });
    const fail = (error: Error): void => {
      reject(error);
      call.destroy();
    };
    const limit = clock.after(PATIENCE_MS, () => fail(new Error('no answer within 5 s')));
    const take = (message: IncomingMessage): void => {
      if (message.statusCode !== 200) return fail(new NotTheDaemon());
      const ends = endsOf(message.socket);
      let body = '';
      message.setEncoding('latin1');
      message.on('data', (text: string) => {
        body += text;
        if (body.length > MOST_BYTES) fail(new NotTheDaemon());
      });
      message.on('error', reject);
      message.on('end', () => {
        try {
          resolve(saidIn(body, ends));
        } catch (error) {
          reject(error);
        }
      });
    };
    call.on('response', take);
    // Otherwise nothing at all would be told of a 101.
    call.on('upgrade', (_message, socket) => {
      socket.destroy();
      fail(new NotTheDaemon());
    });
    call.on('error', (error: NodeJS.ErrnoException) =>
      fail(error.code?.startsWith('HPE_') === true ? new NotTheDaemon() : error),
    );
    call.on('close', () => {
      limit.clear();
      reject(new Error('the connection ended'));
    });
    call.end();
  });
}

export interface ProvenParts {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  readonly token: string;
  readonly clock: Clock;
}

/**
 * An agent for one request: its only connection is the one that the proof came over. Who uses it destroys it.
 * Rejects with NotTheDaemon, or with the system's error where nobody answers.
 */
export async function proven({ origin, token, clock }: ProvenParts, signal?: AbortSignal): Promise<Agent> {
  const agent = new OneConnection({ keepAlive: true, maxSockets: 1 });
  try {
    const nonce = randomBytes(24).toString('base64url');
    const { proof, ends } = await ask(agent, origin, nonce, clock, signal);
    // Both have 43 characters.
    const right = timingSafeEqual(Buffer.from(proof), Buffer.from(proofOf(hmac, token, nonce, ends)));
    if (!right) throw new NotTheDaemon();
    return agent;
  } catch (error) {
    agent.destroy();
    throw error;
  }
}
