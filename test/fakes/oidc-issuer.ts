// SPDX-License-Identifier: Apache-2.0
// A real OpenID Connect provider on loopback (oidc-provider), at which people sign in by their name alone, and a browser that does it.
// Knows nothing of control planes.

import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

export interface IssuerOptions {
  /** Claims of whoever signs in, beside `sub`. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Redirect addresses of the confidential client `web`. */
  readonly webRedirects?: readonly string[];
}

export interface Issuer {
  readonly url: string;
  /** A public client for apps on loopback, any port; path `/callback`. */
  readonly native: { readonly client_id: string };
  /** A confidential one. */
  readonly web: { readonly client_id: string; readonly client_secret: string };
  /** Changes what the token endpoint answers from now on; undefined: nothing. */
  tamper(change: ((answer: Record<string, unknown>) => Record<string, unknown>) | undefined): void;
  /** Opens an address in a browser and signs in as `name`. Resolves to where it is sent at the end, without going there. */
  signIn(address: string, name: string): Promise<URL>;
  close(): Promise<void>;
}

const LONGEST_WAY = 20;

export async function startIssuer({ claims = {}, webRedirects = [] }: IssuerOptions = {}): Promise<Issuer> {
  let change: Parameters<Issuer['tamper']>[0];
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const native = { client_id: 'agent' };
  const web = { client_id: 'web', client_secret: 'secret-of-the-web-client' };
  const provider = new Provider(url, {
    clients: [
      {
        ...native,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        redirect_uris: ['http://127.0.0.1/callback'],
      },
      { ...web, redirect_uris: ['http://127.0.0.1/callback', ...webRedirects], application_type: 'native' },
    ],
    claims: { openid: ['sub'], profile: ['preferred_username'], email: ['email'], groups: ['groups'] },
    // As most providers do it: all claims in the ID token.
    conformIdTokenClaims: false,
    cookies: { keys: ['a key of this test'] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...claims }) }),
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    jwks: { keys: [signingKey()] },
    pkce: { required: () => true },
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
  });
  provider.use(async (context, next) => {
    await next();
    if (context.path === '/token' && context.status === 200 && change !== undefined) {
      context.body = change(context.body as Record<string, unknown>);
    }
  });
  const answer = provider.callback();
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const interaction = request.url?.startsWith('/interaction/') === true;
    void (interaction ? interact(provider, request, response) : answer(request, response));
  });
  return {
    url,
    native,
    web,
    tamper: (wanted) => {
      change = wanted;
    },
    signIn,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function signingKey(): object {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'k1' };
}

/** The page at which somebody types a name, and the one at which he agrees. */
async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    const accountId = String(request.headers['x-name']);
    await provider.interactionFinished(request, response, { login: { accountId } });
    return;
  }
  const grant = new provider.Grant({ accountId: session?.accountId ?? '', clientId: params.client_id });
  grant.addOIDCScope((prompt.details.missingOIDCScope ?? []).join(' '));
  grant.addOIDCClaims(prompt.details.missingOIDCClaims ?? []);
  const consent = { grantId: await grant.save() };
  await provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

async function signIn(address: string, name: string): Promise<URL> {
  const cookies = new Map<string, string>();
  const home = new URL(address).origin;
  let at = new URL(address);
  for (let steps = 0; steps < LONGEST_WAY; steps++) {
    const cookie = [...cookies].map(([key, value]) => `${key}=${value}`).join('; ');
    const answer = await fetch(at, { redirect: 'manual', headers: { cookie, 'x-name': name } });
    await answer.arrayBuffer();
    for (const line of answer.headers.getSetCookie()) {
      const [, key = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(key, value);
    }
    const location = answer.headers.get('location');
    if (location === null) throw new Error(`the provider answered ${answer.status} at ${at.pathname}`);
    at = new URL(location, at);
    if (at.origin !== home) return at;
  }
  throw new Error('the provider sends the browser around in circles');
}
