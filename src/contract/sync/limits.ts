// SPDX-License-Identifier: Apache-2.0
// The plain values of outpost-sync/1, without schemas: the always-on threads of the daemon need them and may not load zod.

/** Named in discovery, in each object's type and in the header `outpost-sync` of each request and answer. */
export const PROTOCOL = 'outpost-sync/1';
/** Carries the protocol that the sender speaks. An answer without it does not come from a control plane. */
export const PROTOCOL_HEADER = 'outpost-sync';

/** Bytes. A peer refuses what is larger before it reads on; after decompression the larger number counts. */
export const LIMITS = {
  /** A bundle as it is served, compressed. */
  bundle: 4 * 1_048_576,
  /** The same, decompressed. */
  bundleText: 24 * 1_048_576,
  /** Root, freshness document, receipt, secrets envelope, and any answer in JSON. */
  document: 1_048_576,
  /** A request body other than a batch. */
  request: 262_144,
  /** A batch as it is sent, compressed. */
  batch: 2 * 1_048_576,
  /** The same, decompressed. */
  batchText: 8 * 1_048_576,
  /** One row's body. */
  row: 262_144,
} as const;

/** Rows of one batch. */
export const MAX_BATCH_ROWS = 500;
/** Seconds that `created` of a signed request may differ from the server's time. */
export const SIGNATURE_WINDOW_S = 300;
/** Seconds that a server remembers a nonce; longer than the window on both of its sides. */
export const NONCE_MEMORY_S = 660;
