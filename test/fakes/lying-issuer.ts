// SPDX-License-Identifier: Apache-2.0
// An OpenID Connect provider that says in its ID tokens what a test wants, rightly signed or not: what no real one does. Signs everybody
// in without asking.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';

export interface Lie {
  /** Over the claims that would be right. */
  readonly claims?: JWTPayload;
  /** Default: the key that the provider names. `other`: one that it does not. `none`: not signed. */
  readonly key?: 'other' | 'none';
}

export interface LyingIssuer {
  readonly url: string;
  /** What the next token is. */
  lie: Lie;
  /** What a browser that was sent to `address` is sent back with. */
  answer(address: string): URLSearchParams;
  close(): Promise<void>;
}

export async function startLyingIssuer(right: JWTPayload): Promise<LyingIssuer> {
  const [key, other] = [await generateKeyPair('RS256'), await generateKeyPair('RS256')];
  const jwk = { ...(await exportJWK(key.publicKey)), kid: 'k1', use: 'sig', alg: 'RS256' };
  const nonces = new Map<string, { readonly nonce: string; readonly client: string }>();
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(await answerTo(request.url ?? '', form)));
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function answerTo(path: string, form: URLSearchParams): Promise<unknown> {
    if (path === '/jwks') return { keys: [jwk] };
    if (path !== '/token') {
      return {
        issuer: url,
        authorization_endpoint: `${url}/authorize`,
        token_endpoint: `${url}/token`,
        jwks_uri: `${url}/jwks`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
      };
    }
    const { nonce, client } = nonces.get(form.get('code') ?? '') ?? { nonce: '', client: '' };
    return { access_token: 'x', token_type: 'Bearer', expires_in: 60, id_token: await idToken(nonce, client) };
  }

  async function idToken(nonce: string, client: string): Promise<string> {
    const iat = Math.floor(Date.now() / 1000);
    const claims = { iss: url, aud: client, iat, exp: iat + 60, nonce, ...right, ...issuer.lie.claims };
    if (issuer.lie.key === 'none') return new UnsecuredJWT(claims).encode();
    const signer = issuer.lie.key === 'other' ? other : key;
    return await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'k1' }).sign(signer.privateKey);
  }

  const issuer: LyingIssuer = {
    url,
    lie: {},
    answer(address) {
      const { searchParams } = new URL(address);
      const code = `code-${nonces.size}`;
      nonces.set(code, { nonce: searchParams.get('nonce') ?? '', client: searchParams.get('client_id') ?? '' });
      return new URLSearchParams({ code, state: searchParams.get('state') ?? '', iss: url });
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return issuer;
}
