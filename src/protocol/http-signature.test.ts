// SPDX-License-Identifier: Apache-2.0
// What the profile accepts, and that nothing may be altered on the way. http-signature-interop.test.ts asks others whether it is right.

import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { test } from 'node:test';
import { SIGNATURE_WINDOW_S } from '../contract/sync/words.ts';
import { contentDigest } from './content-digest.ts';
import {
  isFresh,
  parseSignature,
  type RequestToVerify,
  signRequest,
  splitTarget,
  thumbprint,
  verifyRequest,
} from './http-signature.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const keyid = thumbprint(publicKey);
const NONCE = 'AAECAwQFBgcICQoLDA0ODw';
const CREATED = 1_790_000_000;
const BODY = Buffer.from('{"rows":[1,2,3]}');

type Method = 'GET' | 'POST';
function signed(text = 'https://Sync.Example.com:8443/v1/audit?epoch=7&seq=1', method: Method = 'POST', body = BODY) {
  const url = new URL(text);
  const headers = signRequest({ method, url, body, key: privateKey, keyid, created: CREATED, nonce: NONCE });
  const { pathname: path, search: query, host: authority } = url;
  return { method, authority, path, query, headers, body, publicKey } satisfies RequestToVerify;
}

const problemOf = (request: RequestToVerify) => {
  const answer = verifyRequest(request);
  return answer.ok ? 'none' : answer.problem;
};

/** A request whose headers are made by hand, with a signature that is right for whatever they say. */
function forged(input: string, label = 'outpost', key: KeyObject = privateKey) {
  const request = signed();
  const base = [
    `"@method": ${request.method}`,
    '"@authority": sync.example.com:8443',
    `"@path": ${request.path}`,
    `"@query": ${request.query}`,
    `"content-digest": ${request.headers['content-digest']}`,
    `"@signature-params": ${input}`,
  ].join('\n');
  const signature = `${label}=:${sign(null, Buffer.from(base), key).toString('base64')}:`;
  return { ...request, headers: { ...request.headers, 'signature-input': `${label}=${input}`, signature } };
}

const COMPONENTS = '"@method" "@authority" "@path" "@query" "content-digest"';
const PARAMETERS = `;created=${CREATED};keyid="${keyid}";nonce="${NONCE}"`;

test('a signed request is accepted, and says by whom, when and once', () => {
  const request = signed();
  assert.deepEqual(verifyRequest(request), { ok: true, keyid, created: CREATED, nonce: NONCE });
  const parsed = parseSignature(request.headers);
  assert.ok(parsed.ok);
  assert.deepEqual([parsed.keyid, parsed.created, parsed.nonce], [keyid, CREATED, NONCE]);
  const { headers } = forged(`(${COMPONENTS})${PARAMETERS}`);
  assert.deepEqual(headers, request.headers);
});

test('headers as node types them are taken, and others beside the three do not matter', () => {
  const request = signed();
  const headers: IncomingHttpHeaders = { ...request.headers, host: 'x', 'set-cookie': ['a', 'b'], accept: '*/*' };
  assert.equal(problemOf({ ...request, headers }), 'none');
});

test('an empty body is signed by its digest', () => {
  const request = signed('https://a.example/', 'GET', Buffer.alloc(0));
  assert.equal(request.headers['content-digest'], contentDigest(new Uint8Array()));
  assert.equal(problemOf(request), 'none');
  assert.equal(problemOf({ ...request, body: Buffer.from(' ') }), 'wrong-digest');
});

test('authority is compared without case and default port', () => {
  const https = signed('https://a.example/x');
  for (const authority of ['a.example', 'A.Example', 'a.example:443']) {
    assert.equal(problemOf({ ...https, authority }), 'none', authority);
  }
  for (const authority of ['a.example:80', 'a.example:0443', 'a.example.', 'b.example']) {
    assert.equal(problemOf({ ...https, authority }), 'wrong-signature', authority);
  }
  assert.equal(problemOf({ ...https, authority: 'a.example:80', scheme: 'http' }), 'none');
  const http = signed('http://a.example:443/x');
  assert.equal(problemOf({ ...http, scheme: 'http' }), 'none');
  assert.equal(problemOf({ ...http, authority: 'a.example', scheme: 'http' }), 'wrong-signature');
  assert.equal(problemOf(signed('http://[::1]:8080/x')), 'none');
});

test('an empty path is "/" and an absent query "?", and nothing else is put right', () => {
  const bare = signed('https://a.example');
  assert.equal(problemOf({ ...bare, path: '', query: '?' }), 'none');
  const dotted = signed('https://a.example/a/%2e%41//b?x=%20+y');
  assert.equal(problemOf(dotted), 'none');
  for (const path of ['/a/%2E%41//b', '/a/%2eA//b', '/a/%2e%41/b', '/a/%2e%41//b/']) {
    assert.equal(problemOf({ ...dotted, path }), 'wrong-signature', path);
  }
  for (const query of ['?x=+%20y', '?x=%20%20y', '?x=%20+y&', '']) {
    assert.equal(problemOf({ ...dotted, query }), 'wrong-signature', query);
  }
});

test('a raw target is cut at its first question mark', () => {
  assert.deepEqual(splitTarget('/a/b'), { path: '/a/b', query: '' });
  assert.deepEqual(splitTarget('/a?'), { path: '/a', query: '?' });
  assert.deepEqual(splitTarget('/a?b?c=/d'), { path: '/a', query: '?b?c=/d' });
});

test('what nobody may sign is refused before the signature is looked at', () => {
  const request = signed();
  const wrong: Partial<Pick<RequestToVerify, 'method' | 'authority' | 'path' | 'query'>>[] = [
    ...['', 'post', 'PO ST', 'POST\n', 'PÖST', '-'].map((method) => ({ method })),
    ...['', 'a b', 'user@a.example', 'a.example/', 'a,b', 'a\n', 'ä.example', '\u212a', 'a:', 'a:b', '::1'].map(
      (authority) => ({ authority }),
    ),
    ...['*', 'v1', 'https://a.example/', '/a?b', '/a#b', '/a b', '/a\nb', '/ä', '/\x7f', '/\x00'].map((path) => ({
      path,
    })),
    ...['a=b', '/?a', '?a#b', '?a b', '?a\n"@path": /', '?ä'].map((query) => ({ query })),
  ];
  for (const one of wrong) assert.equal(problemOf({ ...request, ...one }), 'bad-target', JSON.stringify(one));
});

for (const name of ['content-digest', 'signature-input', 'signature'] as const) {
  test(`${name} must come exactly once`, () => {
    const request = signed();
    const value = request.headers[name];
    const problemWith = (header: string | string[] | undefined) =>
      problemOf({ ...request, headers: { ...request.headers, [name]: header } });
    assert.equal(problemWith(undefined), 'missing');
    assert.equal(problemWith([value]), 'repeated');
    assert.equal(problemWith([value, value]), 'repeated');
    assert.equal(problemWith(`${value}, ${value}`), 'repeated');
    assert.equal(problemWith(`${value},other=:AA==:`), 'repeated');
    for (const odd of [
      '',
      ` ${value}`,
      `${value} `,
      `${value}\r\n x`,
      `${value}\n`,
      `${value}\u00a0`,
      value.toUpperCase(),
    ]) {
      assert.notEqual(problemWith(odd), 'none', JSON.stringify(odd));
    }
  });
}

const P = { created: `;created=${CREATED}`, keyid: `;keyid="${keyid}"`, nonce: `;nonce="${NONCE}"` };
for (const [what, input] of [
  ['no components', `()${PARAMETERS}`],
  ['a component too few', `("@method" "@authority" "@path" "@query")${PARAMETERS}`],
  ['a component too many', `(${COMPONENTS} "date")${PARAMETERS}`],
  ['a component twice', `(${COMPONENTS} "@path")${PARAMETERS}`],
  ['components in another order', `("@authority" "@method" "@path" "@query" "content-digest")${PARAMETERS}`],
  ['a parameter of a component', `(${COMPONENTS.replace('"@path"', '"@path";req')})${PARAMETERS}`],
  ['spaces between components', `(${COMPONENTS.replace(' ', '  ')})${PARAMETERS}`],
  ['spaces inside the list', `( ${COMPONENTS} )${PARAMETERS}`],
  ['spaces between parameters', `(${COMPONENTS})${PARAMETERS.replaceAll(';', '; ')}`],
  ['no created', `(${COMPONENTS})${P.keyid}${P.nonce}`],
  ['no keyid', `(${COMPONENTS})${P.created}${P.nonce}`],
  ['no nonce', `(${COMPONENTS})${P.created}${P.keyid}`],
  ['parameters in another order', `(${COMPONENTS})${P.keyid}${P.created}${P.nonce}`],
  ['an algorithm', `(${COMPONENTS})${PARAMETERS};alg="ed25519"`],
  ['an expiry', `(${COMPONENTS})${P.created};expires=${CREATED + 60}${P.keyid}${P.nonce}`],
  ['a tag', `(${COMPONENTS})${PARAMETERS};tag="outpost"`],
  ['a nonce twice', `(${COMPONENTS})${PARAMETERS}${P.nonce}`],
  ['a time in quotes', `(${COMPONENTS});created="${CREATED}"${P.keyid}${P.nonce}`],
  ['a fraction of a second', `(${COMPONENTS});created=${CREATED}.5${P.keyid}${P.nonce}`],
  ['a leading zero', `(${COMPONENTS});created=0${CREATED}${P.keyid}${P.nonce}`],
  ['a sign', `(${COMPONENTS});created=-${CREATED}${P.keyid}${P.nonce}`],
  ['a time beyond 15 digits', `(${COMPONENTS});created=${'9'.repeat(16)}${P.keyid}${P.nonce}`],
  ['digits of another script', `(${COMPONENTS});created=١٧٩${P.keyid}${P.nonce}`],
  ['a short nonce', `(${COMPONENTS})${P.created}${P.keyid};nonce="${NONCE.slice(1)}"`],
  ['a long nonce', `(${COMPONENTS})${P.created}${P.keyid};nonce="A${NONCE}"`],
  ['spare bits in the nonce', `(${COMPONENTS})${P.created}${P.keyid};nonce="${NONCE.slice(0, -1)}x"`],
  ['a quote in the nonce', `(${COMPONENTS})${P.created}${P.keyid};nonce="\\"${NONCE.slice(1)}"`],
  ['base64 in the nonce', `(${COMPONENTS})${P.created}${P.keyid};nonce="+/${NONCE.slice(2)}"`],
  ['a bare nonce', `(${COMPONENTS})${P.created}${P.keyid};nonce=${NONCE}`],
  ['a padded keyid', `(${COMPONENTS})${P.created};keyid="${keyid}="${P.nonce}`],
  ['spare bits in the keyid', `(${COMPONENTS})${P.created};keyid="${keyid.slice(0, -1)}x"${P.nonce}`],
] as const) {
  test(`a good signature over ${what} is refused`, () => {
    assert.equal(problemOf(forged(input)), 'bad-input');
  });
}

test('a good signature under another label is refused', () => {
  const input = `(${COMPONENTS})${PARAMETERS}`;
  assert.equal(problemOf(forged(input, 'sig1')), 'bad-input');
  const { signature } = forged(input, 'sig1').headers;
  const request = signed();
  assert.equal(problemOf({ ...request, headers: { ...request.headers, signature } }), 'bad-signature');
});

test('a signature in another spelling is refused', () => {
  const request = signed();
  const value = request.headers.signature;
  const base64 = value.slice('outpost=:'.length, -1);
  const spare = base64.replace(/(.)==$/, (_, last: string) => `${String.fromCharCode(last.charCodeAt(0) + 1)}==`);
  assert.deepEqual(Buffer.from(spare, 'base64'), Buffer.from(base64, 'base64'), 'the same bytes');
  for (const signature of [
    `outpost=:${base64.replace('==', '')}:`,
    `outpost=:${spare}:`,
    `outpost="${base64}"`,
    `outpost=:${'-'.repeat(86)}==:`,
    `${value};a=1`,
    `outpost= :${base64}:`,
    `outpost=:${base64.slice(4)}:`,
    `outpost=:AAAA${base64}:`,
    'outpost=::',
  ]) {
    assert.equal(problemOf({ ...request, headers: { ...request.headers, signature } }), 'bad-signature', signature);
  }
});

test('the other number that stands for the same signature is refused', () => {
  const request = signed();
  const bytes = Buffer.from(request.headers.signature.slice('outpost=:'.length, -1), 'base64');
  // RFC 8032 5.1: the order of the group. S and S + order satisfy the equation alike.
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + order;
  Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse().copy(bytes, 32);
  const signature = `outpost=:${bytes.toString('base64')}:`;
  assert.equal(problemOf({ ...request, headers: { ...request.headers, signature } }), 'wrong-signature');
});

test('only the key that the signature names verifies it', () => {
  const request = signed();
  const other = generateKeyPairSync('ed25519');
  assert.equal(problemOf({ ...request, publicKey: other.publicKey }), 'wrong-key');
  assert.equal(problemOf({ ...request, publicKey: generateKeyPairSync('x25519').publicKey }), 'wrong-key');
  assert.equal(
    problemOf({ ...request, publicKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey }),
    'wrong-key',
  );
  assert.equal(problemOf(forged(`(${COMPONENTS})${PARAMETERS}`, 'outpost', other.privateKey)), 'wrong-signature');
});

test('a public key of arbitrary bytes verifies nothing, and is no fault', () => {
  for (const fill of [0x00, 0x02, 0x7f, 0xff]) {
    const x = Buffer.alloc(32, fill).toString('base64url');
    const bad = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    const input = `(${COMPONENTS})${P.created};keyid="${thumbprint(bad)}"${P.nonce}`;
    assert.equal(problemOf({ ...forged(input), publicKey: bad }), 'wrong-signature');
  }
});

test('the client cannot sign what the profile does not know', () => {
  const good = {
    method: 'GET',
    url: new URL('https://a.example/'),
    body: BODY,
    key: privateKey,
    keyid,
    created: 1,
    nonce: NONCE,
  };
  assert.ok(signRequest(good));
  for (const wrong of [
    { method: 'get' },
    { method: 'GET\r\nX: y' },
    { url: new URL('ftp://a.example/') },
    { url: new URL('wss://a.example/') },
    { created: 0 },
    { created: 1.5 },
    { created: Number.NaN },
    { created: 1e21 },
    { nonce: `${NONCE.slice(1)}"` },
    { nonce: '' },
    { keyid: 'short' },
    { key: publicKey },
    { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey },
  ]) {
    assert.throws(() => signRequest({ ...good, ...wrong }), TypeError, JSON.stringify(wrong));
  }
});

test('a signature is fresh for the window on both sides of now', () => {
  assert.deepEqual(
    [700, 699.9, 699, 1000, 1300, 1300.1].map((created) => isFresh(created, 1000)),
    [true, false, false, true, true, false],
  );
  assert.ok(isFresh(990, 1000, 10) && !isFresh(989, 1000, 10));
  assert.ok(isFresh(1000, 1000 + SIGNATURE_WINDOW_S) && !isFresh(1000, 1001 + SIGNATURE_WINDOW_S));
  assert.ok(!isFresh(Number.NaN, 1000) && !isFresh(1000, Number.NaN));
});

test('other keys, and private ones, have no thumbprint', () => {
  for (const { publicKey: other } of [
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('ed448'),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ]) {
    assert.throws(() => thumbprint(other), TypeError);
  }
  assert.throws(() => thumbprint(privateKey), TypeError);
});

/** Every other text that differs in the bits of one character; what leaves visible ASCII is among them. */
function* flips(text: string): Generator<string> {
  for (let at = 0; at < text.length; at++) {
    for (let bits = 1; bits < 256; bits++) {
      yield text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ bits) + text.slice(at + 1);
    }
  }
}

for (const name of ['content-digest', 'signature-input', 'signature'] as const) {
  test(`any byte of ${name} may be changed to any other, left out or doubled: it is refused`, () => {
    const request = signed();
    const value = request.headers[name];
    const shorter = [...value].map((_, at) => value.slice(0, at) + value.slice(at + 1));
    const longer = [...value].map((char, at) => value.slice(0, at) + char + value.slice(at));
    for (const header of [...flips(value), ...shorter, ...longer]) {
      assert.notEqual(problemOf({ ...request, headers: { ...request.headers, [name]: header } }), 'none', header);
    }
  });
}

for (const name of ['method', 'authority', 'path', 'query'] as const) {
  test(`any byte of the ${name} may be changed to any other: it is refused`, () => {
    const request = signed();
    for (const text of flips(request[name])) {
      const same = name === 'authority' && text.toLowerCase() === request.authority;
      assert.equal(problemOf({ ...request, [name]: text }) === 'none', same, JSON.stringify(text));
    }
  });
}

test('any byte of the body may be changed to any other: it is refused', () => {
  const request = signed();
  for (const text of flips(BODY.toString('latin1'))) {
    assert.equal(problemOf({ ...request, body: Buffer.from(text, 'latin1') }), 'wrong-digest');
  }
});
