// SPDX-License-Identifier: Apache-2.0
// The client against a control plane. Every answer is checked against the contract before the page sees it.

import type * as z from 'zod/mini';
import { ADMIN_ENDPOINTS, type AdminEndpoint, type AdminEndpointName } from '../../../contract/admin/endpoints.ts';
import { adminError } from '../../../contract/admin/messages.ts';
import type { Clock } from '../../../contract/clock.ts';
import { addressOf } from './address.ts';
import { type AdminClient, AdminFailure, type CallOf } from './admin-client.ts';

export interface HttpClientParts {
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  /** '' in the page: same origin. */
  readonly base: string;
}

/** Milliseconds for an answer; a dry run looks at 100,000 rows, a check of a chain at all rows of a device. */
const PATIENCE = 120_000;

/** What an endpoint without a request is called with. */
interface AnyCall {
  readonly body?: unknown;
}

export function createHttpClient({ fetch, clock, base }: HttpClientParts): AdminClient {
  const exchange = async (address: string, init: RequestInit): Promise<{ response: Response; body: unknown }> => {
    const limit = new AbortController();
    const timer = clock.after(PATIENCE, () => limit.abort());
    let response: Response;
    let text: string;
    try {
      response = await fetch(base + address, { ...init, credentials: 'same-origin', signal: limit.signal });
      text = await response.text();
    } catch {
      throw new AdminFailure('network');
    } finally {
      timer.clear();
    }
    try {
      return { response, body: JSON.parse(text) };
    } catch {
      // A proxy's page, or a server that is no control plane.
      throw new AdminFailure(response.ok ? 'outdated' : 'network');
    }
  };

  const call = async (name: AdminEndpointName, given: AnyCall = {}): Promise<unknown> => {
    const { method, request, answer }: AdminEndpoint = ADMIN_ENDPOINTS[name];
    const { body: wish, ...where } = given;
    const { response, body } = await exchange(addressOf(name, where as CallOf<typeof name>), {
      method,
      ...(request === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(wish) }),
    });
    if (!response.ok) throw refusalOf(response, body);
    const parsed = (answer as z.ZodMiniType).safeParse(body);
    if (!parsed.success) throw new AdminFailure('outdated');
    return parsed.data;
  };

  const names = Object.keys(ADMIN_ENDPOINTS) as AdminEndpointName[];
  const calls = names.map((name) => [name, (given?: AnyCall) => call(name, given)]);
  return Object.fromEntries(calls) as AdminClient;
}

function refusalOf({ headers }: Response, body: unknown): AdminFailure {
  const parsed = adminError.safeParse(body);
  if (!parsed.success) return new AdminFailure('outdated');
  const { error, message, faults } = parsed.data;
  const wait = Number(headers.get('retry-after') ?? Number.NaN);
  return new AdminFailure(error, message, faults, Number.isFinite(wait) ? wait : undefined);
}
