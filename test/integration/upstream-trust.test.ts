// SPDX-License-Identifier: Apache-2.0
// Who is refused upstream, and that not one request byte reaches them first.
import assert from 'node:assert/strict';
import { getDiffieHellman } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Pool } from 'undici';
import { OutpostError } from '../../src/contract/errors.ts';
import type { Log } from '../../src/contract/log.ts';
import { systemClock } from '../../src/proxy/clock.ts';
import { type Authority, openAuthority } from '../../src/proxy/intercept/certs/authority.ts';
import * as der from '../../src/proxy/intercept/certs/der.ts';
import { connectTls, undiciConnector } from '../../src/proxy/upstream/connect.ts';
import { createTrust, type Trust } from '../../src/proxy/upstream/trust.ts';
import { makeSelfSigned, makeTestCa, type TestCa } from '../fakes/pki.ts';
import {
  captureClientHello,
  serverHello,
  startRawServer,
  startTlsServer,
  type TestServer,
  type TestTlsOptions,
} from '../fakes/tls-server.ts';

const HOST = 'api.b.test';
const DAY = 86_400_000;
const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const toLoopback: LookupFunction = (_host, options, callback) => {
  if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

const root = makeTestCa();
const rsaRoot = makeTestCa({ key: 'rsa-2048' });
const smallRoot = makeTestCa({ key: 'rsa-1024' });
const trust = createTrust({ systemRoots: [root.cert, rsaRoot.cert, smallRoot.cert], bundledRoots: [] });

interface Outcome {
  readonly status: number | undefined;
  readonly error: unknown;
}

/** One POST through the pool as the daemon makes it. */
async function post(port: number, { host = HOST, trusted = trust }: PostOptions = {}): Promise<Outcome> {
  const connect = undiciConnector(() => trusted, { clock: systemClock, timeoutMs: 10_000, lookup: toLoopback });
  const pool = new Pool(`https://${host}:${port}`, { connect });
  try {
    const { statusCode, body } = await pool.request({ path: '/v1/chat', method: 'POST', body: 'secret prompt' });
    await body.dump();
    return { status: statusCode, error: undefined };
  } catch (error) {
    return { status: undefined, error };
  } finally {
    await pool.close();
  }
}

interface PostOptions {
  readonly host?: string;
  readonly trusted?: Trust;
}

async function withServer<Result>(options: TestTlsOptions, use: (server: TestServer) => Promise<Result>) {
  const server = await startTlsServer(options);
  try {
    return await use(server);
  } finally {
    await server.close();
  }
}

async function assertRefused(options: TestTlsOptions, detail: RegExp, how: PostOptions = {}): Promise<void> {
  await withServer(options, async (server) => {
    const { error } = await post(server.port, how);
    await server.settled();
    assert.ok(error instanceof OutpostError, `expected a refusal, got ${String(error)}`);
    assert.equal(error.code, 'OUT_UPSTREAM_UNTRUSTED');
    assert.match(error.detail ?? '', detail);
    assert.equal(server.received(), 0, 'request bytes reached the server');
  });
}

async function assertAccepted(options: TestTlsOptions, how: PostOptions = {}): Promise<void> {
  await withServer(options, async (server) => {
    const { status, error } = await post(server.port, how);
    assert.equal(error, undefined);
    assert.equal(status, 200);
    await server.settled();
    assert.ok(server.received() > 0);
  });
}

interface Identity {
  readonly key: string;
  readonly chain: string;
}
const serving = ({ key, chain }: Identity): TestTlsOptions => ({ key, cert: chain });
const names = [HOST];

suite('upstream certificates', () => {
  const good = root.issueCa({ pathLength: 0 }).issue({ names });
  const leafAsCa = root.issue({ names }).asAuthority();
  const flaggedLeaf = root.issue({ names, ca: false }).asAuthority();
  const noDepth = root.issueCa({ pathLength: 0 }).issueCa();
  const elsewhere = root.issueCa({ constraints: { permitted: ['elsewhere.test'] } });
  const forbidden = root.issueCa({ constraints: { excluded: ['b.test'] } });

  test('a good chain is accepted (the control for all below)', () => assertAccepted(serving(good)));
  test('an RSA chain of usual strength is accepted', () =>
    assertAccepted(serving(rsaRoot.issue({ names, key: 'rsa-2048' }))));
  test('a root that the settings add is accepted', async () => {
    const extra = makeTestCa();
    const trusted = createTrust({ systemRoots: [], bundledRoots: [], extraRoots: [`# ours\n${extra.cert}`] });
    await assertAccepted(serving(extra.issue({ names })), { trusted });
  });

  const refused: readonly (readonly [string, Identity, RegExp])[] = [
    [
      'expired',
      root.issue({ names, notBefore: new Date(Date.now() - 9 * DAY), notAfter: new Date(Date.now() - DAY) }),
      /^CERT_HAS_EXPIRED$/,
    ],
    ['not yet valid', root.issue({ names, notBefore: new Date(Date.now() + DAY) }), /^CERT_NOT_YET_VALID$/],
    ['for another host', root.issue({ names: ['api.c.test'] }), /ALTNAME_INVALID$/],
    ['self-signed', makeSelfSigned({ names }), /^DEPTH_ZERO_SELF_SIGNED_CERT$/],
    ['of an unknown issuer', makeTestCa().issue({ names }), /^UNABLE_TO_/],
    ['without its intermediate', { key: good.key, chain: good.cert }, /^UNABLE_TO_/],
    ['issued by a leaf', leafAsCa.issue({ names }), /^INVALID_(?:CA|PURPOSE)$/],
    ['issued by a leaf that says cA: FALSE', flaggedLeaf.issue({ names }), /^INVALID_(?:CA|PURPOSE)$/],
    ['below the permitted path length', noDepth.issue({ names }), /PATH_LENGTH_EXCEEDED|path length/i],
    ['outside of what its issuer may name', elsewhere.issue({ names }), /permitted subtree violation/],
    ['for what its issuer must not name', forbidden.issue({ names }), /excluded subtree violation/],
    ['with an unknown critical extension', root.issue({ names, unknownCritical: true }), /unhandled critical/],
    [
      'whose issuer has an unknown critical extension',
      root.issueCa({ unknownCritical: true }).issue({ names }),
      /unhandled critical/,
    ],
    ['for TLS clients only', root.issue({ names, usages: ['clientAuth'] }), /^INVALID_PURPOSE$/],
    [
      'whose issuer is for TLS clients only',
      root.issueCa({ usages: ['clientAuth'] }).issue({ names }),
      /^INVALID_PURPOSE$/,
    ],
    ['signed with SHA-1', root.issue({ names, hash: 'sha1' }), /md too weak|digest|too weak/i],
    ['whose issuer is signed with SHA-1', root.issueCa({ hash: 'sha1' }).issue({ names }), /too weak/i],
    ['signed with MD5', rsaRoot.issue({ names, hash: 'md5' }), /too weak/i],
    ['with an RSA-1024 key', root.issue({ names, key: 'rsa-1024' }), /key too (?:weak|small)/i],
    ['whose issuer has an RSA-1024 key', root.issueCa({ key: 'rsa-1024' }).issue({ names }), /key too (?:weak|small)/i],
    ['whose root has an RSA-1024 key', smallRoot.issue({ names }), /key too (?:weak|small)/i],
  ];
  for (const [what, identity, detail] of refused) {
    test(`a certificate ${what} is refused before one request byte`, () => assertRefused(serving(identity), detail));
  }
});

suite('upstream names', () => {
  const altname = /^ERR_TLS_CERT_ALTNAME_INVALID$/;
  const cases: readonly (readonly [certificate: string, host: string, fits: boolean])[] = [
    ['*.b.test', 'api.b.test', true],
    ['*.B.TEST', 'api.b.test', true],
    ['API.b.test', 'api.b.test', true],
    ['*.b.test', 'b.test', false],
    ['*.b.test', 'x.api.b.test', false],
    ['*.test', 'b.test', false],
    ['*', 'localhost', false],
    ['a.*.test', 'a.b.test', false],
    ['*.*.test', 'a.b.test', false],
    ['a*.b.test', 'api.b.test', false],
    ['*i.b.test', 'api.b.test', false],
    ['api.b.test\0.evil.test', 'api.b.test', false],
    ['.b.test', 'api.b.test', false],
    ['127.0.0.1', '127.0.0.1', true],
    ['*.0.0.1', '127.0.0.1', false],
  ];
  for (const [certificate, host, fits] of cases) {
    test(`${JSON.stringify(certificate)} ${fits ? 'fits' : 'does not fit'} ${host}`, async () => {
      const identity = root.issue({ names: [certificate], commonName: 'nameless' });
      await (fits ? assertAccepted(serving(identity), { host }) : assertRefused(serving(identity), altname, { host }));
    });
  }
  test('a common name counts for nothing, with or without alternative names', async () => {
    await assertRefused(serving(root.issue({ names: [], commonName: HOST })), altname);
    await assertRefused(serving(root.issue({ names: ['c.test'], commonName: HOST })), altname);
    await assertRefused(serving(root.issue({ names: [], commonName: '127.0.0.1' })), altname, { host: '127.0.0.1' });
  });
});

suite('stapled OCSP responses', () => {
  const leaf = root.issue({ names });
  const delegate = root.issue({ names: [], usages: ['OCSPSigning'] });
  const intermediate = root.issueCa();
  const lower = intermediate.issue({ names });
  const stapling = (identity: Identity, staple: Buffer): TestTlsOptions => ({ ...serving(identity), staple });

  test('revoked, said by the issuer, is refused before one request byte', () =>
    assertRefused(stapling(leaf, root.ocsp(leaf.x509, 'revoked')), /^CERT_REVOKED$/));
  test('revoked, said by the intermediate that issued it, is refused', () =>
    assertRefused(stapling(lower, intermediate.ocsp(lower.x509, 'revoked')), /^CERT_REVOKED$/));
  test('revoked, said by a responder the issuer named, is refused', () =>
    assertRefused(stapling(leaf, root.ocsp(leaf.x509, 'revoked', delegate)), /^CERT_REVOKED$/));
  test('revoked is refused under TLS 1.2 as well', () =>
    assertRefused({ ...stapling(leaf, root.ocsp(leaf.x509, 'revoked')), maxVersion: 'TLSv1.2' }, /^CERT_REVOKED$/));

  const revoked = root.ocsp(leaf.x509, 'revoked');
  const forged = Buffer.from(revoked);
  forged.writeUInt8(forged.readUInt8(forged.length - 1) ^ 1, forged.length - 1);
  const saysNothing: readonly (readonly [string, Buffer])[] = [
    ['good', root.ocsp(leaf.x509, 'good')],
    ['revoked with a broken signature', forged],
    ['revoked about another certificate', root.ocsp(root.issue({ names }).x509, 'revoked')],
    ['revoked by a stranger', makeTestCa().ocsp(leaf.x509, 'revoked')],
    ['revoked by a leaf without the usage', root.ocsp(leaf.x509, 'revoked', root.issue({ names }))],
    ['garbage', Buffer.from('not DER at all')],
    ['cut short', revoked.subarray(0, 60)],
    ['followed by more bytes', Buffer.concat([revoked, Buffer.from([0])])],
  ];
  for (const [what, staple] of saysNothing) {
    test(`a staple that is ${what} proves nothing`, () => assertAccepted(stapling(leaf, staple)));
  }
});

suite('our own authority', () => {
  let folder: string;
  let authority: Authority;
  let other: Authority;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'outpost-trust-'));
    const options = { clock: systemClock, log: SILENT, crlBaseUrl: 'http://127.0.0.1:1', permitted: [HOST] };
    authority = await openAuthority({ ...options, dir: join(folder, 'a') });
    other = await openAuthority({ ...options, dir: join(folder, 'b') });
  });
  after(async () => {
    authority.close();
    other.close();
    await rm(folder, { recursive: true, force: true });
  });

  const by = (signer: Authority): TestTlsOptions => ({
    SNICallback: (name, done) => done(null, signer.contextFor(name)),
  });
  const excluding = (): Trust =>
    createTrust({
      systemRoots: [...authority.rootPems(), ...other.rootPems(), root.cert],
      bundledRoots: [],
      extraRoots: authority.rootPems(),
      exclude: authority.isOurs,
    });

  test('is not trusted upstream even where the operating system trusts it', async () => {
    const including = createTrust({ systemRoots: authority.rootPems(), bundledRoots: [] });
    await assertAccepted(by(authority), { trusted: including });
    const trusted = excluding();
    assert.deepEqual([trusted.roots, trusted.excluded], [1, 2]);
    await assertRefused(by(authority), /^(?:UNABLE_TO_|SELF_SIGNED_)/, { trusted });
  });
  test('nor another install of Outpost', () =>
    assertRefused(by(other), /^(?:UNABLE_TO_|SELF_SIGNED_)/, { trusted: excluding() }));
  test('nor any generation after rotations', async () => {
    const generations = [...authority.rootPems()];
    for (let round = 0; round < 2; round += 1) {
      await authority.rotate();
      generations.push(...authority.rootPems());
    }
    const trusted = createTrust({ systemRoots: generations, bundledRoots: [], exclude: authority.isOurs });
    assert.equal(trusted.roots, 0);
    await assertRefused(by(authority), /^(?:UNABLE_TO_|SELF_SIGNED_)/, { trusted });
  });
});

suite('upstream protocol', () => {
  const ec = root.issue({ names });
  const rsa = rsaRoot.issue({ names, key: 'rsa-2048' });
  const at12 = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
  const weak = (ciphers: string): TestTlsOptions => ({ ...serving(rsa), ...at12, ciphers: `${ciphers}:@SECLEVEL=0` });

  test('TLS 1.2 with ECDHE and AES-GCM is accepted (the control)', () =>
    assertAccepted(weak('ECDHE-RSA-AES128-GCM-SHA256')));

  const refused: readonly (readonly [string, TestTlsOptions])[] = [
    ['TLS 1.0', { ...serving(ec), minVersion: 'TLSv1', maxVersion: 'TLSv1' }],
    ['TLS 1.1', { ...serving(ec), minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }],
    ['static RSA key exchange', weak('AES128-GCM-SHA256')],
    ['CBC with SHA-1', weak('ECDHE-RSA-AES128-SHA')],
    ['1024-bit Diffie-Hellman', { ...weak('DHE-RSA-AES128-GCM-SHA256'), dhparam: dh1024() }],
    ['no certificate at all', weak('ADH-AES128-GCM-SHA256')],
  ];
  for (const [what, options] of refused) {
    test(`a server that speaks only ${what} is refused`, () => assertRefused(options, /^(?:ERR_SSL_|EPROTO)/));
  }

  // No OpenSSL around can serve these any more, so the server's choice is put on the wire by hand.
  const forced: readonly (readonly [string, Parameters<typeof serverHello>[0]])[] = [
    ['RC4', { suite: 0x0005, version: 0x0303 }],
    ['3DES', { suite: 0x000a, version: 0x0303 }],
    ['an export suite', { suite: 0x0008, version: 0x0303 }],
    ['a NULL cipher', { suite: 0x003b, version: 0x0303 }],
    ['SSL 3', { suite: 0x002f, version: 0x0300 }],
    ['TLS 1.1', { suite: 0xc02f, version: 0x0302 }],
    ['compression', { suite: 0xc02f, version: 0x0303, compression: 1 }],
  ];
  for (const [what, hello] of forced) {
    test(`a server that forces ${what} is refused`, async () => {
      const server = await startRawServer(serverHello(hello));
      const { error } = await post(server.port);
      await server.close();
      assert.ok(error instanceof OutpostError);
      assert.equal(error.code, 'OUT_UPSTREAM_UNTRUSTED');
      assert.match(error.detail ?? '', /^ERR_SSL_/);
    });
  }

  test('the ClientHello offers TLS 1.3 and 1.2, strong suites and no compression', async () => {
    const hello = await captureClientHello((port) =>
      connectTls({ host: HOST, port, trust, timeoutMs: 10_000, clock: systemClock, lookup: toLoopback }),
    );
    const strong = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9];
    const signalling = 0x00ff;
    assert.deepEqual(
      [...hello.suites].filter((suite) => suite !== signalling).sort((a, b) => a - b),
      strong,
    );
    assert.deepEqual(hello.compressions, [0]);
    assert.equal(hello.extensions.get(43)?.toString('hex'), '0403040303');
    assert.ok(hello.extensions.has(5), 'no request for a staple');
  });
});

/** The 1024-bit MODP group of RFC 2409, as PEM. */
function dh1024(): string {
  const group = getDiffieHellman('modp2');
  const parameters = der.sequence(der.integer(group.getPrime()), der.integer(group.getGenerator()));
  return der.toPem('DH PARAMETERS', parameters);
}

suite('trust', () => {
  test('without any root nobody is trusted', async () => {
    const trusted = createTrust({ systemRoots: [], bundledRoots: [] });
    assert.equal(trusted.roots, 0);
    await assertRefused(serving(root.issue({ names })), /^UNABLE_TO_/, { trusted });
  });
  test('counts each root once and passes over what it cannot read', () => {
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    const trusted = createTrust({
      systemRoots: [root.cert + rsaRoot.cert, root.cert, broken, 'no PEM'],
      bundledRoots: [root.cert],
    });
    assert.deepEqual([trusted.roots, trusted.unreadable], [2, 1]);
  });
  test('brings the bundled roots by default', () => {
    assert.ok(createTrust({ systemRoots: [] }).roots > 100);
  });
  test('a trusted intermediate alone is no anchor', async () => {
    const intermediate: TestCa = makeTestCa().issueCa();
    const trusted = createTrust({ systemRoots: [intermediate.cert], bundledRoots: [] });
    await assertRefused(serving(intermediate.issue({ names })), /^UNABLE_TO_/, { trusted });
  });
});
