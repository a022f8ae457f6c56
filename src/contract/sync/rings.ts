// SPDX-License-Identifier: Apache-2.0
// The rings that a control plane deals its devices into, by the share of devices at which each ends. Data only.

/** `upto`: upper end of the ring's share, in percent. A version at stage S rules in the rings whose `upto` is at most S. */
export const RINGS = [
  { id: 'r1', upto: 1 },
  { id: 'r10', upto: 10 },
  { id: 'r50', upto: 50 },
  { id: 'r100', upto: 100 },
] as const satisfies readonly { readonly id: string; readonly upto: number }[];

export type RingId = (typeof RINGS)[number]['id'];
