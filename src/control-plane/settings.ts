// SPDX-License-Identifier: Apache-2.0
// The settings of a server process: where it listens, what it is called, where its database and keys are. Schema only; what an
// organisation wants is orgs/settings.ts.

import { z } from 'zod';

const path = z.string().min(1).max(4096);

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

/** Scheme, host and port alone: a path would have to be cut off before a signature is checked, and nothing here does so. */
const origin = z
  .url({ protocol: /^https?$/ })
  .max(1024)
  .refine((url) => new URL(url).href === `${new URL(url).origin}/`, 'must be scheme, host and port alone');

export const serverSettings = z
  .strictObject({
    listen: z
      .strictObject({
        host: z.string().min(1).max(253).default('127.0.0.1'),
        /** 0 picks a free one. */
        port: z.int().min(0).max(65_535).default(8_740),
      })
      .prefault({}),
    /** PEM. */
    tls: z.strictObject({ cert_file: path, key_file: path }).optional(),
    /** What devices call the server; their signatures are over its host. Absent: the Host header that they send. */
    public_url: origin.optional(),
    /** `sqlite:PATH` or `postgres://…`. */
    database: z.string().min(1).max(4096),
    keys_dir: path,
    /** Receives the signed hourly digests of what devices sent; best kept where nobody can write over a file. Absent: none are made. */
    digests_dir: path.optional(),
    /** Addresses or networks of proxies whose X-Forwarded headers are believed. */
    trust_proxy: z
      .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]))
      .max(64)
      .default([]),
    limits: z
      .strictObject({
        /**
         * Enrolments of one address within a minute; of one token five times as many, from wherever. Against floods alone: nobody guesses
         * a token of 256 bits.
         */
        enrolments_per_minute: z.int().min(1).max(1_000_000).default(120),
        /** All requests of one address within a minute. An office of 10,000 devices behind one address polls so often in 10 minutes. */
        requests_per_minute: z.int().min(1).max(10_000_000).default(60_000),
        /** Event streams of this process; each takes about 10 kB (measured), and what the kernel needs for its socket. */
        streams: z.int().min(0).max(200_000).default(25_000),
      })
      .prefault({}),
  })
  .refine(({ listen, tls, trust_proxy }) => LOOPBACK.has(listen.host) || tls !== undefined || trust_proxy.length > 0, {
    message: 'needs tls, or trust_proxy with the address of what ends TLS before it: others reach this address',
    path: ['listen', 'host'],
  });
export type ServerSettings = z.infer<typeof serverSettings>;
export type ServerSettingsInput = z.input<typeof serverSettings>;
