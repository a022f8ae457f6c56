// SPDX-License-Identifier: Apache-2.0
// What the tests of enrolment share: a device's folder on a real disk, the parts that work on it, and a server that says whatever a test
// wants. Knows no test.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/contract/clock.ts';
import type { KeyStore } from '../../src/contract/key-store.ts';
import { PROTOCOL, PROTOCOL_HEADER } from '../../src/contract/sync/limits.ts';
import type { DeviceFacts } from '../../src/contract/sync/messages.ts';
import type { SignedObject } from '../../src/contract/sync/words.ts';
import { fingerprintOf } from '../../src/protocol/root-chain.ts';
import { signObject } from '../../src/protocol/signed-object.ts';
import type { EnrolParts } from '../../src/proxy/sync/enrol/enrol.ts';
import { EnrolError } from '../../src/proxy/sync/enrol/enrol-error.ts';
import type { Target } from '../../src/proxy/sync/enrol/enrolment-file.ts';
import { openKeyFile } from '../../src/proxy/sync/enrol/key-file.ts';
import { type Ask, askThrough } from '../../src/proxy/sync/enrol/server.ts';
import { type FilePort, filePort } from '../../src/proxy/sync/files.ts';
import { createHttp, type Http } from '../../src/proxy/sync/http.ts';
import { openOrgFolder } from '../../src/proxy/sync/org-folder.ts';
import type { ControlPlane } from '../fakes/control-plane.ts';
import { fixedSigner } from '../fakes/signer.ts';

export const FACTS: DeviceFacts = {
  name: 'laptop-1',
  os: { platform: 'linux', version: '6.1', arch: 'x64' },
  agent: '0.1.0',
};

export interface DeviceFolder {
  readonly dataDir: string;
  /** `DATA/org`. */
  readonly folder: string;
  read(name: string): string;
  remove(): void;
}

export function deviceFolder(): DeviceFolder {
  const dataDir = mkdtempSync(join(tmpdir(), 'outpost-enrol-'));
  const folder = join(dataDir, 'org');
  return {
    dataDir,
    folder,
    read: (name) => readFileSync(join(folder, name), 'utf8'),
    remove: () => rmSync(dataDir, { recursive: true, force: true }),
  };
}

export interface PartsOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly port?: FilePort;
  readonly store?: KeyStore | undefined;
}

/** As a process has them that has just started. */
export function partsOf({ folder, clock, port = filePort, store }: PartsOptions): EnrolParts {
  const files = openOrgFolder(folder, port);
  return { files, keyFile: openKeyFile({ files, store, random: randomBytes }), clock, facts: FACTS };
}

/** Does each operation on files through `around`. */
export function portThat(port: FilePort, around: (work: () => Promise<void>) => Promise<void>): FilePort {
  return {
    write: (path, bytes) => around(() => port.write(path, bytes)),
    sync: (path) => around(() => port.sync(path)),
    rename: (from, to) => around(() => port.rename(from, to)),
    syncFolder: (path) => around(() => port.syncFolder(path)),
    remove: (path) => around(() => port.remove(path)),
  };
}

export function connectTo(target: Pick<Target, 'url' | 'ca'>, clock: Clock): Http {
  return createHttp({ url: target.url, roots: async () => target.ca, clock, version: '0.1.0' });
}

export async function withAsk<T>(
  target: Pick<Target, 'url' | 'ca'>,
  clock: Clock,
  use: (ask: Ask) => Promise<T>,
): Promise<T> {
  const http = connectTo(target, clock);
  try {
    return await use(askThrough(http));
  } finally {
    http.close();
  }
}

/** The organisation of a control plane, as device management would name it. */
export async function targetAt({ url, org, ctx }: Pick<ControlPlane, 'url' | 'org' | 'ctx'>): Promise<Target> {
  const row = await ctx.db.query
    .selectFrom('root')
    .select('object')
    .where('org', '=', org)
    .where('number', '=', 1)
    .executeTakeFirstOrThrow();
  return { url, org, root: fingerprintOfRoot(JSON.parse(row.object)), ca: [] };
}

export function fingerprintOfRoot({ payload }: SignedObject): string {
  return fingerprintOf(1, Buffer.from(payload, 'base64url'));
}

/** A root as a control plane would serve it, and its fingerprint. */
export async function rootFor(org: string): Promise<{ readonly object: SignedObject; readonly fingerprint: string }> {
  const { kid, key, jwk } = fixedSigner(7);
  const keys = { root: [jwk], policy: [jwk], freshness: [jwk], receipt: [jwk] };
  const payload = { v: 1, org, number: 1, issued: 0, expires: 8.64e15, threshold: 1, keys };
  const object = await signObject('root', payload, [{ kid, key }]);
  return { object, fingerprint: fingerprintOfRoot(object) };
}

/** The code with which something of enrolment fails. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof EnrolError) return error.code;
    throw error;
  }
}

export type Serve = (request: IncomingMessage, response: ServerResponse) => void;

export interface OddServer {
  readonly url: string;
  /** `METHOD path` of each request. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** A server of the test's own, on loopback. */
export async function startOddServer(
  serve: Serve,
  tls?: { readonly key: string; readonly cert: string },
): Promise<OddServer> {
  const asked: string[] = [];
  const handle: Serve = (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.on('error', () => undefined);
    serve(request, response);
  };
  const server: Server = tls === undefined ? createHttpServer(handle) : createHttpsServer(tls, handle);
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Answers as a control plane would. */
export function say(
  response: ServerResponse,
  value: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  const body = typeof value === 'string' ? value : JSON.stringify(value);
  response.writeHead(status, {
    [PROTOCOL_HEADER]: PROTOCOL,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}
