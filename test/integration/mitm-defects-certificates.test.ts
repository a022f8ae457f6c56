// SPDX-License-Identifier: Apache-2.0
// The certificate defects that http-mitm-proxy 1.1.0 has as shipped, by their numbers, each shown to be absent with the real authority behind
// the real listener.

import assert from 'node:assert/strict';
import { X509Certificate as Certificate, type X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../src/contract/clock.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { type Authority, openAuthority } from '../../src/proxy/intercept/certs/authority.ts';
import {
  type Ending,
  GOVERNED,
  type Kit,
  type KitOptions,
  kitFor,
  memoryLog,
  OTHER_GOVERNED,
  openTls,
  until,
} from './intercept-kit.ts';

let folder: string;
let authority: Authority;
let roots: string;

async function openOwn(dir: string, clock: Clock = systemClock): Promise<Authority> {
  return await openAuthority({
    dir,
    clock,
    log: memoryLog([]),
    crlBaseUrl: 'http://127.0.0.1:1',
    permitted: [GOVERNED, OTHER_GOVERNED, '*.many.test'],
  });
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'outpost-defects-'));
  authority = await openOwn(join(folder, 'ca'));
  roots = authority.rootPems().join('\n');
});

after(() => {
  authority.close();
  rmSync(folder, { recursive: true, force: true });
});

const start = (t: Ending, options: KitOptions = {}): Promise<Kit> =>
  kitFor(t, { contextFor: (name) => authority.contextFor(name), ...options });

const tls = (kit: Kit, at = `${GOVERNED}:443`, options = {}): Promise<TLSSocket> =>
  openTls(kit, at, { ca: roots, ...options });

async function leafOf(kit: Kit, name = GOVERNED): Promise<X509Certificate> {
  const secure = await tls(kit, `${name}:443`);
  const leaf = secure.getPeerX509Certificate();
  secure.destroy();
  assert.ok(leaf);
  return leaf;
}

test('1: no private key lies in a file that others may read', async (t) => {
  await tls(await start(t)).then((secure) => secure.destroy());
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  assert.ok(files.length > 0);
  for (const entry of files) {
    const path = join(entry.parentPath, entry.name);
    if (readFileSync(path, 'utf8').includes('PRIVATE KEY')) assert.equal(statSync(path).mode & 0o077, 0, path);
  }
});

test('11: new hosts do not hold the event loop for their keys: all leaves have the same', async (t) => {
  const names = ['fresh1.many.test', 'fresh2.many.test'] as const;
  const kit = await start(t, { actions: Object.fromEntries(names.map((name) => [name, 'govern'])) });
  const [first, second] = [await leafOf(kit, names[0]), await leafOf(kit, names[1])];
  assert.notEqual(first.fingerprint256, second.fingerprint256);
  assert.ok(first.publicKey.equals(second.publicKey));
});

test('12: simultaneous first contacts all succeed with one certificate', async (t) => {
  const kit = await start(t, { actions: { 'race.many.test': 'govern' } });
  const secures = await Promise.all(Array.from({ length: 16 }, () => tls(kit, 'race.many.test:443')));
  const prints = new Set(secures.map((secure) => secure.getPeerX509Certificate()?.fingerprint256));
  for (const secure of secures) secure.destroy();
  assert.equal(prints.size, 1);
});

test('13: a host costs no file descriptor once its connections are closed', async (t) => {
  if (process.platform !== 'linux') return t.skip('counts /proc/self/fd');
  const kit = await start(t, {
    actions: Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`n${n}.many.test`, 'govern'])),
  });
  (await tls(kit)).destroy();
  await until(() => kit.intercept.stats().connections === 0, 'quiet');
  const fds = readdirSync('/proc/self/fd').length;
  for (let n = 0; n < 40; n++) (await tls(kit, `n${n}.many.test:443`)).destroy();
  await until(() => kit.intercept.stats().connections === 0, 'quiet again');
  await until(() => readdirSync('/proc/self/fd').length <= fds + 2, 'descriptors are back');
});

test('14: serial numbers are positive', async (t) => {
  const kit = await start(t);
  assert.ok(Number.parseInt((await leafOf(kit)).serialNumber.slice(0, 2), 16) <= 0x7f);
  const serials = roots.split(/(?=-----BEGIN)/).map((pem) => new Certificate(pem).serialNumber);
  // OpenSSL prints a negative serial with a minus sign.
  for (const serial of serials) assert.match(serial, /^[0-9A-F]+$/);
});

test('15: the leaf names its issuer’s key, and a strict verifier accepts the chain', async (t) => {
  const kit = await start(t);
  const secure = await tls(kit);
  assert.equal(secure.authorized, true);
  const leaf = secure.getPeerX509Certificate();
  secure.destroy();
  // The extension's identifier, 2.5.29.35, in DER.
  assert.ok(leaf?.raw.includes(Buffer.from([0x06, 0x03, 0x55, 0x1d, 0x23])));
});

test('16: the authority is P-256, says critically that it is one, and serves servers only', async () => {
  const root = new Certificate(roots);
  assert.equal(root.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.equal(root.ca, true);
  // basicConstraints 2.5.29.19 and keyUsage 2.5.29.15, each followed by critical TRUE.
  for (const id of [0x13, 0x0f])
    assert.ok(root.raw.includes(Buffer.from([0x06, 0x03, 0x55, 0x1d, id, 0x01, 0x01, 0xff])));
  for (const usage of root.keyUsage ?? []) assert.equal(usage, '1.3.6.1.5.5.7.3.1');
});

test('17: two installs, and two generations of one, have different names', async (t) => {
  const other = await openOwn(join(folder, 'other'));
  t.after(() => other.close());
  const first = new Certificate(other.rootPems()[0] ?? '').subject;
  await other.rotate();
  const names = [new Certificate(roots).subject, first, new Certificate(other.rootPems()[0] ?? '').subject];
  assert.equal(new Set(names).size, 3);
});

test('18: what is made on 1 January or 29 February is valid for more than a day', async (t) => {
  for (const [n, date] of ['2027-01-01T00:00:00Z', '2027-12-31T23:59:59Z', '2028-02-29T12:00:00Z'].entries()) {
    const clock: Clock = { ...systemClock, now: () => Date.parse(date) };
    const own = await openOwn(join(folder, `date${n}`), clock);
    t.after(() => own.close());
    const root = new Certificate(own.rootPems()[0] ?? '');
    assert.ok(Date.parse(root.validFrom) <= clock.now(), date);
    assert.ok(Date.parse(root.validTo) > clock.now() + 86_400_000, date);
  }
});

test('19: after a rotation, new connections get a leaf that both generations accept', async (t) => {
  const own = await openOwn(join(folder, 'rotating'));
  t.after(() => own.close());
  const kit = await start(t, { contextFor: (name) => own.contextFor(name) });
  const [old = ''] = own.rootPems();
  (await tls(kit, undefined, { ca: old })).destroy();
  await own.rotate();
  const [fresh = ''] = own.rootPems();
  assert.notEqual(fresh, old);
  for (const ca of [fresh, old]) (await tls(kit, undefined, { ca })).destroy();
});
