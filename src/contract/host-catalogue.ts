// SPDX-License-Identifier: Apache-2.0
// One row of the host catalogue: what is known about a host of an AI vendor and how it is treated when no rule of the
// configuration says otherwise. Schema only; where the rows come from is the policy room's business.

import { z } from 'zod';
import { hostPatternError } from './host-pattern.ts';

/** A host pattern (host-pattern.ts) as a zod string that explains what is wrong. */
export const hostPattern = z.string().superRefine((value, context) => {
  const error = hostPatternError(value);
  if (error !== undefined) context.addIssue({ code: 'custom', message: `host pattern ${error}` });
});

/** Path glob: starts with `/` or `*`; `*` stands for any characters, slashes included; case does not matter. */
export const pathGlob = z
  .string()
  .max(256)
  .regex(/^[/*][!-~]*$/, 'path glob must start with "/" or "*" and have no spaces')
  .refine((value) => !/[?#]/.test(value), 'path glob must not have a query or fragment');

export const HOST_KINDS = [
  'inference',
  'chat',
  'upload',
  'realtime',
  'mcp',
  'mcp_registry',
  'model_dl',
  'auth',
  'telemetry',
  'update',
  'cdn',
  'control',
] as const;

/**
 * `govern`: decrypt and apply policy. `header`: worth decrypting only where a host rule sets headers; tunnelled without one.
 * `tunnel`: leave alone. `recognise`: an AI service that is not governed by default; tunnelled, but known by name.
 */
export const HOST_DEFAULTS = ['govern', 'header', 'tunnel', 'recognise'] as const;

export const hostCatalogueRow = z.strictObject({
  host: hostPattern,
  /** Paths that carry prompts and completions; empty: all. What lies outside is relayed untouched and not recorded. */
  paths: z.array(pathGlob).max(32).default([]),
  vendor: z.string().min(1).max(128),
  kind: z.enum(HOST_KINDS),
  default: z.enum(HOST_DEFAULTS),
});

/** Most rows that a catalogue may have. The built-in one has about 300. */
export const MAX_CATALOGUE_ROWS = 10_000;

export type HostCatalogueRow = z.infer<typeof hostCatalogueRow>;
