// SPDX-License-Identifier: Apache-2.0
// docs/reference/sync.md as a stranger reads it: its examples, by what the page says and other people's code alone, and its links.

import assert from 'node:assert/strict';
import { createHash, createHmac, createPrivateKey, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { calculateJwkThumbprint, compactDecrypt, type GeneralJWS, generalVerify, importJWK } from 'jose';

const page = readFileSync(new URL('../../docs/reference/sync.md', import.meta.url), 'utf8');

/** What stands under a heading, up to the next one. */
function under(heading: string): string {
  const start = page.indexOf(`\n${heading}\n`);
  assert.ok(start >= 0, heading);
  const text = page.slice(start + heading.length + 2);
  const end = text.search(/^#{2,3} /m);
  return end < 0 ? text : text.slice(0, end);
}

/** The blocks of code under a heading, in order. */
const blocks = (heading: string): readonly string[] =>
  [...under(heading).matchAll(/^```\w*\n([\s\S]*?)\n```$/gm)].map(([, text = '']) => text);
const unwrapped = (text = ''): string => text.replaceAll('\n', '');
const sha256 = (...parts: readonly (string | Uint8Array)[]): string =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');

/** The table of keys: name to private bytes, x and thumbprint. */
const keys = new Map(
  [
    ...under('### Keys of the examples').matchAll(/^\| ([\w, ]+) \| `([0-9a-f]{2})` \| `([\w-]+)` \| `([\w-]+)` \|$/gm),
  ].map(([, name = '', byte = '', x = '', thumbprint = '']) => [name, { byte, x, thumbprint }]),
);

function keyOf(name: string) {
  const key = keys.get(name);
  assert.ok(key !== undefined, name);
  const crv = name === 'device, sealing' ? 'X25519' : 'Ed25519';
  const jwk = { kty: 'OKP', crv, x: key.x };
  const d = Buffer.alloc(32, Number.parseInt(key.byte, 16)).toString('base64url');
  return { ...key, jwk, privateKey: createPrivateKey({ key: { ...jwk, d }, format: 'jwk' }) };
}

async function verified(object: unknown, signer: string): Promise<string> {
  const { payload, protectedHeader } = await generalVerify(
    object as GeneralJWS,
    await importJWK(keyOf(signer).jwk, 'Ed25519'),
  );
  assert.equal(protectedHeader?.kid, keyOf(signer).thumbprint);
  return Buffer.from(payload).toString('utf8');
}

test('the keys are what they are said to be', async () => {
  assert.equal(keys.size, 6);
  for (const [name, { x, thumbprint }] of keys) {
    const { jwk, privateKey } = keyOf(name);
    assert.equal(createPublicKey(privateKey).export({ format: 'jwk' }).x, x, name);
    assert.equal(await calculateJwkThumbprint(jwk), thumbprint, name);
  }
  const [input = ''] = blocks('### Keys of the examples');
  assert.equal(createHash('sha256').update(input).digest('base64url'), keyOf('root').thumbprint);
});

test('the root is signed, and its fingerprint is of its payload', async () => {
  const [payload, object = '', fingerprint] = blocks('### Example of a root');
  assert.equal(await verified(JSON.parse(object), 'root'), payload);
  assert.equal(fingerprint, `root-1:${sha256(payload ?? '')}`);
});

test('the parts of the freshness document make a signed object', async () => {
  const [payload, header = '', encoded, signature] = blocks('### Example of a freshness document');
  const [text, head] = header.split('\n');
  assert.equal(Buffer.from(head ?? '', 'base64url').toString('utf8'), text);
  const object = { payload: unwrapped(encoded), signatures: [{ protected: head, signature }] };
  assert.equal(await verified(object, 'freshness'), payload);
});

test('the bundle is what the freshness document names', async () => {
  const [payload, base64, name] = blocks('### Example of a bundle');
  const bytes = Buffer.from(unwrapped(base64), 'base64');
  assert.equal(name, `${sha256(bytes)}  ${bytes.length} bytes`);
  const [fresh = ''] = blocks('### Example of a freshness document');
  assert.deepEqual(JSON.parse(fresh).bundle, { bytes: bytes.length, sha256: sha256(bytes), version: 3 });
  assert.equal(await verified(JSON.parse(zstdDecompressSync(bytes).toString('utf8')), 'policy'), payload);
});

test('the device of the examples is on the list of the revoked', () => {
  const [block = ''] = blocks('### The mark of a revoked device');
  const [device = '', mark] = block.split('\n');
  assert.equal(sha256(device).slice(0, 16), mark);
});

test('the secrets open with the sealing key and are signed', async () => {
  const [header, sealed, opened, payload] = blocks('### Example of secrets');
  const { plaintext } = await compactDecrypt(unwrapped(sealed), keyOf('device, sealing').privateKey);
  assert.equal(Buffer.from(plaintext).toString('utf8'), opened);
  assert.equal(Buffer.from(unwrapped(sealed).split('.')[0] ?? '', 'base64url').toString('utf8'), header);
  assert.equal(await verified(JSON.parse(opened ?? ''), 'freshness'), payload);
});

test('the request is signed over the base that is shown', () => {
  const [base = '', request = ''] = blocks('### Example of a signed request');
  const [head = '', body = ''] = request.split('\n\n');
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(head)?.[1] ?? '';
  const { jwk, thumbprint } = keyOf('device, signing');
  const signature = Buffer.from(/^outpost=:(.*):$/.exec(header('signature'))?.[1] ?? '', 'base64');
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  assert.ok(verify(null, Buffer.from(base, 'latin1'), publicKey, signature));
  assert.equal(header('content-digest'), `sha-256=:${createHash('sha256').update(body).digest('base64')}:`);
  assert.equal(header('content-length'), String(Buffer.byteLength(body)));
  assert.ok(base.endsWith(`"@signature-params": ${header('signature-input').replace('outpost=', '')}`));
  assert.ok(base.includes(`\n"content-digest": ${header('content-digest')}\n`));
  assert.ok(header('signature-input').includes(`keyid="${thumbprint}"`));
  const [method, path] = head.split(' ');
  assert.ok(base.startsWith(`"@method": ${method}\n"@authority": ${header('host')}\n"@path": ${path}\n"@query": ?\n`));
});

test('the rows are a chain, the batch holds them, the receipt is of the last', async () => {
  const rows = blocks('### The chain').map((block) =>
    Object.fromEntries(block.split('\n').map((line) => line.split(/ +(.*)/s).slice(0, 2))),
  ) as readonly Readonly<Record<'prev' | 'header' | 'body' | 'hash', string>>[];
  assert.equal(rows.length, 2);
  let prev = '0'.repeat(64);
  for (const row of rows) {
    assert.equal(row.prev, prev);
    assert.equal(row.hash, sha256(Buffer.from(row.prev, 'hex'), row.header, row.body));
    prev = row.hash;
  }
  const [batch = '', answer = '', payload] = blocks('### Example of a batch');
  const said = JSON.parse(batch);
  const expected = rows.map(({ header, body, hash }) => {
    const { seq, at } = JSON.parse(header);
    return { seq, at, hash, body };
  });
  assert.deepEqual(said.rows, expected);
  const { ack, receipt } = JSON.parse(answer);
  assert.deepEqual(ack, { epoch: said.epoch, seq: 2, hash: prev });
  assert.equal(await verified(receipt, 'receipt'), payload);
  const { epoch, seq, hash } = JSON.parse(payload ?? '');
  assert.deepEqual({ epoch, seq, hash }, ack);
});

test('the override codes are those of the rule', () => {
  const rows = [...under('## Offline override codes').matchAll(/^\| (\d+) \| `([0-9a-f]{20})` \| `(\d{8})` \|$/gm)];
  assert.deepEqual(
    rows.map(([, minutes]) => minutes),
    ['15', '30', '60', '240'],
  );
  const [, at = '', window] = /^At (\d+) the half hour is number (\d+)\.$/m.exec(page) ?? [];
  assert.equal(Math.floor(Number(at) / 1000 / 1800), Number(window));
  for (const [, minutes = '', message = '', code] of rows) {
    assert.equal(
      message,
      BigInt(window ?? 0)
        .toString(16)
        .padStart(16, '0') + Number(minutes).toString(16).padStart(4, '0'),
    );
    const hmac = createHmac('sha256', Buffer.alloc(32, 7)).update(Buffer.from(message, 'hex')).digest();
    const number = hmac.readUInt32BE((hmac.at(-1) ?? 0) & 15) & 0x7fffffff;
    assert.equal(String(number % 1e8).padStart(8, '0'), code);
  }
});

test('links within the page lead to headings', () => {
  // As GitHub makes anchors: lower case, no punctuation, hyphens for spaces.
  const anchors = [...page.replace(/```[\s\S]*?```/g, '').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
  assert.equal(new Set(anchors).size, anchors.length, 'two headings have one anchor');
  const links = [...page.matchAll(/\]\(#([^)]*)\)/g)].map(([, anchor]) => anchor);
  assert.ok(links.length > 100);
  assert.deepEqual(
    links.filter((anchor) => !anchors.includes(anchor ?? '')),
    [],
  );
});
