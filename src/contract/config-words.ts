// SPDX-License-Identifier: Apache-2.0
// The words of outpost.yaml: shapes of single values that several parts of it use. Schemas only.

import { z } from 'zod';

/** Text without control characters: it ends up in headers, logs and rows. */
export const line = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused here.
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'must not have control characters or line breaks');

/** Glob over names: `*` stands for any characters; case does not matter. */
export const glob = line(256);

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

export const baseUrl = z
  .string()
  .max(512)
  .superRefine((value, context) => {
    const say = (message: string) => context.addIssue({ code: 'custom', message });
    if (!URL.canParse(value)) return say('must be a URL such as https://api.example.com/v1');
    const url = new URL(value);
    if (url.protocol !== 'https:' && url.protocol !== 'http:')
      return say('must start with https:// (or http:// on loopback)');
    if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
      say(
        'http:// is allowed only for a loopback host (127.0.0.1, [::1], localhost): prompts and keys would travel in clear text',
      );
    }
    if (url.username !== '' || url.password !== '') say('must not contain a user name or password; use api_key');
    if (url.search !== '' || value.includes('?')) say('must not have a query');
    if (url.hash !== '' || value.includes('#')) say('must not have a fragment');
  });

/** Set by the agent itself; a rule must not be able to break framing or routing. */
const RESERVED_HEADERS =
  /^(?:connection|content-length|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect)$/i;

const headerName = z
  .string()
  .max(128)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be an HTTP header name')
  .refine((name) => !RESERVED_HEADERS.test(name), 'this header is set by the agent');

const headerValue = z
  .string()
  .max(4096)
  .regex(/^(?:[!-~](?:[ -~]*[!-~])?)?$/, 'must be printable ASCII without line breaks or spaces at the ends');

export const headers = z
  .record(headerName, headerValue)
  .refine((all) => Object.keys(all).length <= 32, 'must not have more than 32 headers')
  .refine(
    (all) => new Set(Object.keys(all).map((name) => name.toLowerCase())).size === Object.keys(all).length,
    'names a header twice (case does not matter)',
  );
