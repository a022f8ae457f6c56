// SPDX-License-Identifier: Apache-2.0
// The devices of crowd-child.ts as their parent sees them.

import { startChild } from './child.ts';
import type { PlaneReady } from './plane.ts';

export type CrowdGiven = Pick<PlaneReady, 'url' | 'org' | 'rings'>;

export interface PollOrder {
  readonly connections: number;
  readonly count: number;
  readonly signed: boolean;
  /** What the devices hold, by ring; none: the whole document is fetched. */
  readonly etags: Readonly<Record<string, string>>;
  /** Each poll on a new connection, as one that comes once a minute has it. */
  readonly anew: boolean;
}

export interface Polled {
  readonly seconds: number;
  /** How many were answered with which status. */
  readonly statuses: Readonly<Record<number, number>>;
}

export interface UploadOrder {
  /** Compressed bodies by device. */
  readonly batches: readonly (readonly Uint8Array[])[];
}

export interface Uploaded {
  readonly seconds: number;
}

/** Times of the machine (`machineTime`), one of each device. */
export interface Obeyed {
  /** The nudge was there. */
  readonly told: readonly number[];
  /** The document with the order was there. */
  readonly obeyed: readonly number[];
}

export interface Crowd {
  readonly pid: number;
  /** Opens a stream for each. Resolves when all are on. */
  connect(): Promise<void>;
  /** Resolves when each has an order in its hands. */
  obeyed(): Promise<Obeyed>;
  /** Waits for the next order. */
  forget(): Promise<void>;
  poll(order: PollOrder): Promise<Polled>;
  upload(order: UploadOrder): Promise<Uploaded>;
  stop(): Promise<void>;
}

/** @param devices of the plane: the first so many */
export async function startCrowd({ url, org, rings }: CrowdGiven, devices = rings.length): Promise<Crowd> {
  const child = await startChild('./crowd-child.ts', { url, org, rings: rings.slice(0, devices) } satisfies CrowdGiven);
  return {
    pid: child.pid,
    connect: () => child.ask('connect'),
    obeyed: () => child.ask('obeyed'),
    forget: () => child.ask('forget'),
    poll: (order) => child.ask('poll', order),
    upload: (order) => child.ask('upload', order),
    stop: child.stop,
  };
}
