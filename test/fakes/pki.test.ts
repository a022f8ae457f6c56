// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import tls from 'node:tls';
import { makeSelfSigned, makeTestCa } from './pki.ts';

const folder = mkdtempSync(join(tmpdir(), 'outpost-pki-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, content: string | Buffer): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

test('a certificate of a test authority is accepted by a strict OpenSSL for its name only', () => {
  const root = makeTestCa();
  const leaf = root.issueCa({ pathLength: 0 }).issue({ names: ['localhost', '127.0.0.1', '::1'] });
  const args = [
    'verify',
    '-x509_strict',
    '-CAfile',
    file('root.pem', root.cert),
    '-untrusted',
    file('c.pem', leaf.chain),
  ];
  const leafFile = file('leaf.pem', leaf.cert);
  assert.match(execFileSync('openssl', [...args, '-verify_hostname', 'localhost', leafFile]).toString(), /OK/);
  assert.match(execFileSync('openssl', [...args, '-verify_ip', '::1', leafFile]).toString(), /OK/);
  assert.notEqual(spawnSync('openssl', [...args, '-verify_hostname', 'other.test', leafFile]).status, 0);
});

test('a TLS server with such a certificate serves a client that trusts the root', async () => {
  const root = makeTestCa();
  const { key, chain } = root.issue({ names: ['localhost'] });
  const server = tls.createServer({ key, cert: chain }, (socket) => socket.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const client = tls.connect({ port: address.port, host: '127.0.0.1', servername: 'localhost', ca: root.cert });
  let text = '';
  for await (const chunk of client) text += String(chunk);
  assert.equal(text, 'hello');
  await new Promise((resolve) => server.close(resolve));
});

test('an OCSP response reads as revoked in OpenSSL and its signature verifies', () => {
  const root = makeTestCa();
  const leaf = root.issue({ names: ['a.test'] });
  const delegate = root.issue({ names: [], usages: ['OCSPSigning'] });
  const issuer = file('issuer.pem', root.cert);
  const cert = file('ocsp-leaf.pem', leaf.cert);
  for (const signer of [undefined, delegate]) {
    const response = file('ocsp.der', root.ocsp(leaf.x509, 'revoked', signer));
    const args = ['ocsp', '-respin', response, '-issuer', issuer, '-cert', cert, '-CAfile', issuer, '-no_nonce'];
    const run = spawnSync('openssl', args, { encoding: 'utf8' });
    assert.match(run.stdout, /revoked/);
    assert.match(run.stderr, /Response verify OK/);
  }
});

test('the defects asked for are in the certificate', () => {
  const root = makeTestCa();
  const day = 86_400_000;
  const text = (pem: string): string => execFileSync('openssl', ['x509', '-noout', '-text'], { input: pem }).toString();
  const expired = root.issue({ names: ['a.test'], notBefore: new Date(0), notAfter: new Date(day) });
  assert.match(text(expired.cert), /Not After : Jan {2}2 00:00:00 1970/);
  assert.match(text(root.issue({ names: ['a.test'], key: 'rsa-1024' }).cert), /\(1024 bit\)/);
  assert.match(text(root.issue({ names: ['a.test'], hash: 'sha1' }).cert), /ecdsa-with-SHA1/);
  const rsaRoot = makeTestCa({ key: 'rsa-2048' });
  assert.match(text(rsaRoot.issue({ names: ['a.test'], hash: 'md5' }).cert), /md5WithRSAEncryption/);
  assert.match(text(root.issue({ names: ['a.test'], usages: ['clientAuth'] }).cert), /Client Authentication/);
  assert.match(text(root.issue({ names: ['a.test'], unknownCritical: true }).cert), /2\.25\.1234567890: critical/);
  assert.doesNotMatch(text(root.issue({ names: [], commonName: 'a.test' }).cert), /Alternative Name/);
  assert.match(text(root.issueCa({ constraints: { permitted: ['b.test'] } }).cert), /Permitted:\s+DNS:b\.test/);
  const lone = makeSelfSigned({ names: ['a.test'] });
  assert.equal(lone.x509.issuer, lone.x509.subject);
});
