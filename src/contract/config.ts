// SPDX-License-Identifier: Apache-2.0
// The schema of outpost.yaml: what an administrator may write. Unknown keys are errors. Checks that need more than one value,
// the environment or another file are the policy room's; so are the defaults. Each key is described in
// docs/reference/configuration.md; a test keeps both in step.

import { z } from 'zod';
import { baseUrl, glob, headers, line } from './config-words.ts';
import { HOST_DEFAULTS, HOST_KINDS, hostPattern, MAX_CATALOGUE_ROWS, pathGlob } from './host-catalogue.ts';
import { modelDataSchema, providerSchema, routeSchema } from './provider-config.ts';
import { routingSchema } from './routing-config.ts';
import { MAX_BATCH_ROWS } from './sync/limits.ts';

const hostRule = z
  .strictObject({
    host: hostPattern,
    action: z.enum(['govern', 'header', 'tunnel', 'block']),
    headers: headers.optional(),
  })
  .superRefine((rule, context) => {
    const some = rule.headers !== undefined && Object.keys(rule.headers).length > 0;
    if (rule.action === 'header' && !some) {
      context.addIssue({
        code: 'custom',
        path: ['action'],
        message: 'action "header" needs `headers`: it decrypts only to set them',
      });
    }
    if (rule.headers !== undefined && (rule.action === 'tunnel' || rule.action === 'block')) {
      context.addIssue({
        code: 'custom',
        path: ['headers'],
        message: `cannot set headers with action "${rule.action}"`,
      });
    }
  });

const appRule = z
  .strictObject({
    app: glob.optional(),
    exe: glob.optional(),
    name: glob.optional(),
    action: z.enum(['allow', 'block']),
    message: line(256).optional(),
  })
  .superRefine((rule, context) => {
    if (rule.app === undefined && rule.exe === undefined && rule.name === undefined) {
      context.addIssue({ code: 'custom', message: 'an app rule needs at least one of `app`, `exe`, `name`' });
    }
    if (rule.message !== undefined && rule.action === 'allow') {
      context.addIssue({ code: 'custom', path: ['message'], message: 'only a rule with action "block" has a message' });
    }
  });

/** As in the catalogue, but `paths` may be left out. */
const catalogueRow = z.strictObject({
  host: hostPattern,
  paths: z.array(pathGlob).max(32).optional(),
  vendor: line(128),
  kind: z.enum(HOST_KINDS),
  default: z.enum(HOST_DEFAULTS),
});

const port = z.int().min(1).max(65_535);
const portRange = z
  .string()
  .regex(/^\d{1,5}-\d{1,5}$/, 'must be a port or a range such as "8000-8999"')
  .refine((value) => {
    const [from = 0, to = 0] = value.split('-').map(Number);
    return from >= 1 && from <= to && to <= 65_535;
  }, 'must be a range of ports from 1 to 65535, the lower one first');

/** `host:port`, `host:*`, `[v6]:port`, `[v6]:*`, or a CIDR block. The parts are checked where addresses are compared. */
const privateTarget = z
  .string()
  .max(300)
  .refine((value) => {
    const cidr = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(value);
    if (cidr !== null) {
      const [, address = '', bits = ''] = cidr;
      const v6 = address.includes(':');
      return (
        Number(bits) <= (v6 ? 128 : 32) &&
        URL.canParse(v6 ? `http://[${address}]` : `http://${address}`) &&
        /^[\d.]+$|:/.test(address)
      );
    }
    const named = /^(\[[0-9a-fA-F:.]+\]|[a-z0-9._-]+):(\*|\d{1,5})$/.exec(value);
    return named !== null && (named[2] === '*' || (Number(named[2]) >= 1 && Number(named[2]) <= 65_535));
  }, 'must be "host:port", "host:*" (lower case) or a CIDR block such as "10.0.0.0/8"');

const origin = z
  .string()
  .max(300)
  .refine(
    (value) =>
      /^(?:https?|[a-z][a-z0-9+.-]*-extension|app|vscode-webview):\/\//.test(value) &&
      URL.canParse(value) &&
      !/[/?#]/.test(value.replace(/^[^:]*:\/\//, '')),
    'must be an origin such as "https://tool.example.com" (no path)',
  );

/** Where people are sent for help: shown as a link, so nothing but an address on the web, and no credential in it. */
const helpUrl = z
  .string()
  .max(512)
  .regex(/^https:\/\/[\x21-\x7e]+$/, 'must be an address that begins with https:// and has no spaces')
  .superRefine((value, context) => {
    const say = (message: string) => context.addIssue({ code: 'custom', message });
    if (!URL.canParse(value)) return say('must be an address such as https://help.example.com');
    const { username, password } = new URL(value);
    if (username !== '' || password !== '') say('must not contain a user name or password');
  });

const millis = (max: number) => z.int().min(100).max(max);
const HOUR = 3_600_000;

export const configSchema = z.strictObject({
  providers: z.array(providerSchema).max(256).optional(),
  routes: z.array(routeSchema).max(1024).optional(),
  routing: routingSchema.optional(),
  models_data: z.array(modelDataSchema).max(4096).optional(),
  status_pages: z
    .strictObject({ enabled: z.boolean(), interval_ms: z.int().min(60_000).max(HOUR).optional() })
    .optional(),
  opaque_state: z
    .strictObject({
      ttl_ms: z
        .int()
        .min(60_000)
        .max(30 * 24 * HOUR)
        .optional(),
    })
    .optional(),
  answers: z.strictObject({ model: z.enum(['requested', 'actual']).optional() }).optional(),
  telemetry: z
    .strictObject({
      otlp: z
        .strictObject({
          endpoint: baseUrl,
          headers: headers.optional(),
          traces: z.boolean().optional(),
          metrics: z.boolean().optional(),
          logs: z.boolean().optional(),
          interval_ms: z.int().min(1_000).max(HOUR).optional(),
        })
        .optional(),
    })
    .optional(),
  hosts: z.array(hostRule).max(4096).optional(),
  models: z
    .strictObject({ allow: z.array(glob).max(1024).optional(), deny: z.array(glob).max(1024).optional() })
    .optional(),
  apps: z.array(appRule).max(1024).optional(),
  catalogue: z.union([line(1024), z.array(catalogueRow).max(MAX_CATALOGUE_ROWS)]).optional(),
  audit: z
    .strictObject({
      level: z.enum(['strict', 'standard', 'relaxed']).optional(),
      on_full: z.enum(['degrade', 'block', 'drop-oldest']).optional(),
      cap_mb: z.int().min(8).max(1_048_576).optional(),
      retention_days: z.int().min(1).max(3660).optional(),
    })
    .optional(),
  network: z
    .strictObject({
      connect_ports: z
        .array(z.union([port, portRange]))
        .min(1)
        .max(64)
        .optional(),
      allow_private: z.array(privateTarget).max(256).optional(),
    })
    .optional(),
  upstream: z.strictObject({ ca_files: z.array(line(1024)).max(64).optional() }).optional(),
  pac: z.strictObject({ fail_mode: z.enum(['open', 'closed']).optional() }).optional(),
  gateway: z
    .strictObject({ allowed_origins: z.array(origin).max(64).optional(), require_token: z.boolean().optional() })
    .optional(),
  timeouts: z
    .strictObject({
      connect_ms: millis(120_000).optional(),
      first_content_ms: millis(HOUR).optional(),
      idle_ms: millis(HOUR).optional(),
      total_ms: millis(24 * HOUR).optional(),
    })
    .optional(),
  limits: z
    .strictObject({
      inspect_body_bytes: z.int().min(1024).max(67_108_864).optional(),
      hold_events: z.int().min(1).max(10_000).optional(),
      hold_bytes: z.int().min(1024).max(16_777_216).optional(),
      hold_json_bytes: z.int().min(1024).max(67_108_864).optional(),
    })
    .optional(),
  support: z.strictObject({ url: helpUrl, label: line(128).optional() }).optional(),
  /** Counts only in what an organisation publishes. */
  organisation: z
    .strictObject({
      grace_days: z.int().min(1).max(365).optional(),
      on_expired: z.enum(['enforce', 'metadata-only', 'block']).optional(),
      on_revoked: z.enum(['block', 'pass']).optional(),
      upload: z
        .strictObject({
          flush_seconds: z.int().min(1).max(3600).optional(),
          flush_rows: z.int().min(1).max(MAX_BATCH_ROWS).optional(),
        })
        .optional(),
      offline_override: z.boolean().optional(),
    })
    .optional(),
});

export type Config = z.infer<typeof configSchema>;
