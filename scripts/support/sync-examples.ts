// SPDX-License-Identifier: Apache-2.0
// The worked examples of docs/reference/sync.md: fixed keys and times, all else computed by the code that product and control plane run.

import { createPrivateKey, createPublicKey, hash } from 'node:crypto';
import { rowBody } from '../../src/contract/audit-row.ts';
import {
  bundlePayload,
  freshPayload,
  receiptPayload,
  rootPayload,
  secretsPayload,
} from '../../src/contract/sync/objects.ts';
import { type SignedObject, sealingKey } from '../../src/contract/sync/words.ts';
import { packBundle } from '../../src/protocol/bundle-bytes.ts';
import { canonicalJson, EMPTY_CHAIN, headerText, linkRow, toHex } from '../../src/protocol/chain.ts';
import { signatureBase, signRequest } from '../../src/protocol/http-signature.ts';
import { thumbprintOfJwk } from '../../src/protocol/key-id.ts';
import { OVERRIDE_MINUTES, overrideCode } from '../../src/protocol/override-code.ts';
import { verifyPinnedRoot } from '../../src/protocol/root-chain.ts';
import { unseal } from '../../src/protocol/seal.ts';
import { signObject } from '../../src/protocol/signed-object.ts';
import { type FixedSigner, fixedSigner } from '../../test/fakes/signer.ts';

const NOW = 1_790_000_000_000;
const ORG = 'acme';
const DEVICE = `d-${'0f'.repeat(16)}`;
const EPOCH = '0123456789abcdef';

const ROLES = ['root', 'policy', 'freshness', 'receipt', 'device'] as const;
const signers = Object.fromEntries(ROLES.map((role, index) => [role, fixedSigner(index + 1)])) as Readonly<
  Record<(typeof ROLES)[number], FixedSigner>
>;
const SEAL_BYTE = ROLES.length + 1;
/** RFC 8410, 7: an X25519 private key in DER is this and its 32 bytes. */
const X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const sealPrivate = createPrivateKey({
  key: Buffer.concat([X25519, Buffer.alloc(32, SEAL_BYTE)]),
  format: 'der',
  type: 'pkcs8',
});
const sealPublic = sealingKey.parse(createPublicKey(sealPrivate).export({ format: 'jwk' }));
const OVERRIDE_KEY = Buffer.alloc(32, 7);

/** The secrets below, sealed once: each sealing is another. */
const SEALED = [
  'eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkdDTSIsImVwayI6eyJ4IjoiVldSRUdvcGh2bDBURldzbGRJOWVydUlFb1RNZ0doVndEeUdFb0',
  'NyVlkxYyIsImNydiI6IlgyNTUxOSIsImt0eSI6Ik9LUCJ9fQ..KPrJvhcIfGZRVuxH.ZNfgi3MYUwsezkJCFLdusqn_fhocbMrXsRzXfpr5Kw1',
  'ah4yYdKX8bDRaQdb7MoliDyOVIp72mqeIt9KyyZ9zjOmw55vft7t8PoLAUFUgvVjLyR-37EwjzeD52MnNyBmIHyZD5MVd2UfOIkOFpV2vdOBOA',
  'ID8v0GzZXW8BgXqjT8MSkmYA2ZhBGdifFofflHvQt4h9Jm2LRdCBKla_7Wf5-3v9U4RzIl4W8nOfmK3Fg6FSjSLNVUjSsFb1Ra_eyLlCcP7Srf',
  'WYbN2BFEQMUGYthkR0TATk8SG1w5YyQZm5Np6zU-ALLAWFmQxGo1WYiW-U0FZ6uw0f3i-Ym-LrXIo_e3DUGMP5k6Y3yYbDXid-ugYHwvHg4Eps',
  'hGT8_r1lHO_zjVhyuKevSVkndOsKDdRJQsm2KQGHn8fiIYmOKqVDzCRPXd5sjlSrCLFY155U9GhGZ4bolFqoungCxf82lOZnZEmXjo6Sr1F5QY',
  'I_akZCDet8OPxWpkhLupiR73v_7fTGopqEEUXR8qIrzvshnb6KXEtABTy8hcV7ofF0bPrWhvJeUA0Spe69c7bLYyMyABJvKKtril0Gm5hQd9wm',
  'jG6EHvaqETKBjF78em0UbFxe_pPjyOJIcTLiwA78b043NSk1i5GeWZ2XOCCTX_YyNfyGN5cc3uU8Y2l4ZcJaRBmxK_Y-0zhBKWYGa8sjQBe9y7',
  '_jiLddWSxwZ0.5K3ZFjyBXRNsJz2tmErbhA',
].join('');

const block = (text: string, kind = ''): string => `\`\`\`${kind}\n${text}\n\`\`\``;
const json = (value: unknown): string => block(JSON.stringify(value, null, 2), 'json');
/** Base64 in lines, as one reads it. */
const lines = (text: string): string => block(text.replace(/.{120}(?=.)/g, '$&\n'));

function keyTable(): string {
  const rows = Object.entries(signers).map(([role, { jwk, kid }], index) => {
    const of = role === 'device' ? 'device, signing' : role;
    return `| ${of} | \`${hexByte(index + 1)}\` | \`${jwk.x}\` | \`${kid}\` |`;
  });
  const sealing = `| device, sealing | \`${hexByte(SEAL_BYTE)}\` | \`${sealPublic.x}\` | \`${thumbprintOfJwk(sealPublic)}\` |`;
  return [
    '| key | each byte of the private key | `x` | thumbprint |',
    '| --- | --- | --- | --- |',
    ...rows,
    sealing,
  ].join('\n');
}

const hexByte = (byte: number): string => byte.toString(16).padStart(2, '0');

function jwk(): string {
  const { crv, kty, x } = signers.root.jwk;
  return block(`{"crv":"${crv}","kty":"${kty}","x":"${x}"}`);
}

const ROOT = rootPayload.parse({
  v: 1,
  org: ORG,
  number: 1,
  issued: NOW,
  expires: NOW + 315_360_000_000,
  threshold: 1,
  keys: {
    root: [signers.root.jwk],
    policy: [signers.policy.jwk],
    freshness: [signers.freshness.jwk],
    receipt: [signers.receipt.jwk],
  },
});

async function root(): Promise<Readonly<Record<string, string>>> {
  const object = await signObject('root', ROOT, [signers.root]);
  const bytes = Buffer.from(object.payload, 'base64url');
  const fingerprint = `root-1:${hash('sha256', bytes)}`;
  const checked = await verifyPinnedRoot(object, ORG, fingerprint);
  if (!checked.ok) throw new Error(checked.problem);
  return {
    'root-payload': block(bytes.toString('utf8')),
    'root-object': json(object),
    fingerprint: block(fingerprint),
  };
}

function partsOf({ payload, signatures }: SignedObject): string {
  const [{ protected: head, signature } = { protected: '', signature: '' }] = signatures;
  return [
    'The protected header, and the same in base64url:',
    block(`${Buffer.from(head, 'base64url').toString('utf8')}\n${head}`),
    'The payload in base64url:',
    lines(payload),
    'The signature over header, full stop and payload:',
    block(signature),
  ].join('\n\n');
}

async function freshAndBundle(): Promise<Readonly<Record<string, string>>> {
  const config = 'hosts:\n  - host: chat.example.com\n    action: block\n';
  const payload = bundlePayload.parse({
    v: 1,
    org: ORG,
    version: 3,
    created: NOW,
    ignorable: [],
    config,
    files: {},
  });
  const bundle = await signObject('bundle', payload, [signers.policy]);
  const { bytes, sha256 } = packBundle(bundle);
  const fresh = freshPayload.parse({
    v: 1,
    org: ORG,
    ring: 'r100',
    seq: 12,
    issued: NOW,
    expires: NOW + 86_400_000,
    root: 1,
    bundle: { version: 3, sha256, bytes: bytes.length },
    secrets: 1,
    kill: [],
    next_poll_s: 60,
    revoked: [hash('sha256', DEVICE).slice(0, 16)],
  });
  const object = await signObject('fresh', fresh, [signers.freshness]);
  return {
    'fresh-payload': block(canonicalJson(fresh)),
    'fresh-parts': partsOf(object),
    'bundle-payload': block(canonicalJson(payload)),
    'bundle-bytes': lines(bytes.toString('base64')),
    'bundle-name': block(`${sha256}  ${bytes.length} bytes`),
    revoked: block(`${DEVICE}\n${hash('sha256', DEVICE).slice(0, 16)}`),
  };
}

async function secrets(): Promise<Readonly<Record<string, string>>> {
  const payload = secretsPayload.parse({
    v: 1,
    org: ORG,
    device: DEVICE,
    number: 1,
    issued: NOW,
    values: { openai: 'sk-example' },
    override_key: OVERRIDE_KEY.toString('base64url'),
  });
  const signed = JSON.stringify(await signObject('secrets', payload, [signers.freshness]));
  const opened = await unseal(SEALED, sealPrivate);
  if (opened?.toString('utf8') !== signed) throw new Error('the sealed example is not of the secrets that are shown');
  const [head = ''] = SEALED.split('.');
  return {
    'secrets-header': block(Buffer.from(head, 'base64url').toString('utf8')),
    'secrets-sealed': lines(SEALED),
    'secrets-opened': block(signed),
    'secrets-payload': block(canonicalJson(payload)),
  };
}

/** Of the verifier of RFC 7636, appendix B. */
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

function request(): Readonly<Record<string, string>> {
  const url = new URL('https://control-plane.example/v1/bind/start');
  const text = JSON.stringify({
    v: 1,
    redirect_uri: 'http://127.0.0.1:49152/bound',
    code_challenge: CHALLENGE,
    state: Buffer.alloc(16, 8).toString('base64url'),
  });
  const { key, kid } = signers.device;
  const said = { keyid: kid, created: NOW / 1000, nonce: Buffer.alloc(16, 9).toString('base64url') };
  const headers = signRequest({ method: 'POST', url, body: Buffer.from(text), key, ...said });
  const { base, input } = signatureBase(
    [
      ['@method', 'POST'],
      ['@authority', url.host],
      ['@path', url.pathname],
      ['@query', '?'],
      ['content-digest', headers['content-digest']],
    ],
    [
      ['created', said.created],
      ['keyid', kid],
      ['nonce', said.nonce],
    ],
  );
  if (headers['signature-input'] !== `outpost=${input}`) throw new Error('the base is not the one that is signed');
  const sent = ['outpost-sync: outpost-sync/1', 'content-type: application/json', `content-length: ${text.length}`];
  const signed = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const head = [`POST ${url.pathname} HTTP/1.1`, `host: ${url.host}`, ...sent, ...signed].join('\n');
  return {
    'request-base': block(Buffer.from(base).toString('latin1')),
    request: block(`${head}\n\n${text}`, 'http'),
  };
}

const rowText = (body: unknown): string => canonicalJson(rowBody.parse(body));

async function audit(): Promise<Readonly<Record<string, string>>> {
  const first = linkRow(EPOCH, EMPTY_CHAIN, NOW, rowText({ kind: 'epoch', reason: 'first' }));
  const second = linkRow(EPOCH, first, NOW + 5, rowText({ kind: 'event', event: 'started' }));
  const text = (row: typeof first): string =>
    block(
      [
        `prev    ${toHex(row.prev)}`,
        `header  ${headerText(EPOCH, row.seq, row.at)}`,
        `body    ${row.body}`,
        `hash    ${toHex(row.hash)}`,
      ].join('\n'),
    );
  const rows = [first, second].map(({ seq, at, hash: made, body }) => ({ seq, at, hash: toHex(made), body }));
  const batch = { v: 1, epoch: EPOCH, after: { seq: 0, hash: toHex(EMPTY_CHAIN.hash) }, rows };
  const end = { epoch: EPOCH, seq: second.seq, hash: toHex(second.hash) };
  const payload = receiptPayload.parse({ v: 1, org: ORG, device: DEVICE, ...end, at: NOW + 60_000 });
  const receipt = await signObject('receipt', payload, [signers.receipt]);
  return {
    rows: `${text(first)}\n\n${text(second)}`,
    batch: json(batch),
    answer: json({ ack: end, receipt }),
    'receipt-payload': block(canonicalJson(payload)),
  };
}

function override(): Readonly<Record<string, string>> {
  const window = Math.floor(NOW / 1000 / 1800);
  const rows = OVERRIDE_MINUTES.map((minutes) => {
    const message = Buffer.alloc(10);
    message.writeBigUInt64BE(BigInt(window));
    message.writeUInt16BE(minutes, 8);
    return `| ${minutes} | \`${message.toString('hex')}\` | \`${overrideCode(OVERRIDE_KEY, NOW, minutes)}\` |`;
  });
  return {
    override: [
      `At ${NOW} the half hour is number ${window}.`,
      '',
      '| minutes | message | code |',
      '| --- | --- | --- |',
      ...rows,
    ].join('\n'),
  };
}

/** By their names in sync-page.md. */
export async function syncExamples(): Promise<Readonly<Record<string, string>>> {
  return {
    keys: keyTable(),
    jwk: jwk(),
    ...(await root()),
    ...(await freshAndBundle()),
    ...(await secrets()),
    ...request(),
    ...(await audit()),
    ...override(),
  };
}
