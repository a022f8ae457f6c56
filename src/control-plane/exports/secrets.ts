// SPDX-License-Identifier: Apache-2.0
// The secrets of exports: header values and the key of a bucket, sealed under the master key, so that neither a copy of the database nor
// whoever reads the settings has them. Each is good for one organisation and one address: whoever may change settings, but does not
// know a secret, cannot have it sent elsewhere. They are no `secret:NAME`: those go to every device.

import { z } from 'zod';
import type { Context } from '../context.ts';
import { invalidSettings } from '../orgs/invalid-settings.ts';

const boundTo = (org: string, url: string): string => `export:${org}:${new URL(url).origin}`;

export function sealFor({ keys }: Pick<Context, 'keys'>, org: string, url: string, value: string): string {
  return keys.encrypt(Buffer.from(value, 'utf8'), boundTo(org, url)).toString('base64');
}

/** Throws when it was sealed for another address, or altered. */
export function openFor({ keys }: Pick<Context, 'keys'>, org: string, url: string, sealed: string): string {
  return keys.decrypt(Buffer.from(sealed, 'base64'), boundTo(org, url)).toString('utf8');
}

type Members = Readonly<Record<string, unknown>>;
const members = z.record(z.string(), z.unknown());
const texts = z.record(z.string(), z.string());
/** What becomes a header value. */
const SENDABLE = /^[!-~](?:[ -~]{0,4094}[!-~])?$/;

/**
 * Settings as an administrator gives them, with what is secret in them sealed: `secret_headers` of each export becomes
 * `secret_headers_sealed`, `secret_access_key` of `digest_bucket` becomes `secret_access_key_sealed`. What was sealed before is checked:
 * with another address it must be given anew. All else is the schema's to judge.
 */
export function sealExportSecrets(ctx: Pick<Context, 'keys'>, org: string, settings: Members): Members {
  const { exports: list, digest_bucket: bucket } = settings;
  return {
    ...settings,
    ...(Array.isArray(list)
      ? { exports: list.map((one: unknown, index) => sealHeaders(ctx, org, one, `exports.${index}`)) }
      : {}),
    ...(bucket === undefined ? {} : { digest_bucket: sealKey(ctx, org, bucket) }),
  };
}

function sealHeaders(ctx: Pick<Context, 'keys'>, org: string, given: unknown, at: string): unknown {
  const one = members.safeParse(given).data;
  const url = urlOf(one);
  if (one === undefined || url === undefined) return given;
  const { secret_headers: clear, secret_headers_sealed: before, ...rest } = one;
  const kept = texts.safeParse(before ?? {}).data;
  const added = texts.safeParse(clear ?? {}).data;
  if (kept === undefined || added === undefined) return given;
  for (const value of Object.values(kept)) mustOpen(ctx, org, url, value, `${at}.secret_headers_sealed`);
  if (Object.keys(kept).length + Object.keys(added).length === 0) return rest;
  const sealed = Object.entries(added).map(([name, value]) => {
    if (!SENDABLE.test(value))
      throw invalidSettings([{ at: `${at}.secret_headers`, message: 'must be visible ASCII characters' }]);
    return [name.toLowerCase(), sealFor(ctx, org, url, value)] as const;
  });
  const old = Object.entries(kept).map(([name, value]) => [name.toLowerCase(), value] as const);
  return { ...rest, secret_headers_sealed: Object.fromEntries([...old, ...sealed]) };
}

function sealKey(ctx: Pick<Context, 'keys'>, org: string, given: unknown): unknown {
  const bucket = members.safeParse(given).data;
  const url = urlOf(bucket);
  if (bucket === undefined || url === undefined) return given;
  const { secret_access_key: clear, ...rest } = bucket;
  if (typeof clear === 'string') return { ...rest, secret_access_key_sealed: sealFor(ctx, org, url, clear) };
  const { secret_access_key_sealed: before } = rest;
  if (typeof before === 'string') mustOpen(ctx, org, url, before, 'digest_bucket.secret_access_key_sealed');
  return given;
}

function urlOf(one: Members | undefined): string | undefined {
  const url = one?.['url'];
  return typeof url === 'string' && URL.canParse(url) ? url : undefined;
}

function mustOpen(ctx: Pick<Context, 'keys'>, org: string, url: string, sealed: string, at: string): void {
  try {
    openFor(ctx, org, url, sealed);
  } catch {
    const message = 'was made for another address, or by another control plane; give it anew in clear';
    throw invalidSettings([{ at, message }]);
  }
}
