// SPDX-License-Identifier: Apache-2.0
// The control plane of plane-child.ts as its parent sees it.

import { type Child, startChild } from './child.ts';

export interface PlaneGiven {
  /** Numbered from 0; device-keys.ts has their keys. */
  readonly devices: number;
  /** Default: SQLite in a folder that goes with it. */
  readonly database?: string;
  readonly orgSettings?: unknown;
  /** With a certificate of its own making; else plain HTTP, as behind something that ends TLS. */
  readonly tls?: boolean;
}

export interface PlaneReady {
  readonly url: string;
  readonly org: string;
  readonly token: string;
  /** Fingerprint of its root. */
  readonly root: string;
  /** Of each device. */
  readonly rings: readonly string[];
}

/** Bytes, of the whole process, after a collection. */
export interface Memory {
  readonly heap: number;
  readonly rss: number;
}

/** Times of the machine (`machineTime`). */
export interface Ordered {
  readonly at: number;
  readonly done: number;
}

export interface Plane extends PlaneReady {
  readonly pid: number;
  /** To all rings at once. */
  publish(config: string): Promise<number>;
  kill(): Promise<Ordered>;
  streams(): Promise<number>;
  document(ring: string): Promise<{ readonly etag: string; readonly bytes: number }>;
  /** Rows of the audit log that are stored. */
  rows(): Promise<number>;
  /** User and system time of the process so far. */
  cpuMs(): Promise<number>;
  memory(): Promise<Memory>;
  stop(): Promise<void>;
}

/** @param flags of node */
export async function startPlane(given: PlaneGiven, flags: readonly string[] = []): Promise<Plane> {
  const child: Child<PlaneReady> = await startChild('./plane-child.ts', given, ['--expose-gc', ...flags]);
  return {
    ...child.ready,
    pid: child.pid,
    publish: (config) => child.ask('publish', config),
    kill: () => child.ask('kill'),
    streams: () => child.ask('streams'),
    document: (ring) => child.ask('document', ring),
    rows: () => child.ask('rows'),
    cpuMs: () => child.ask('cpuMs'),
    memory: () => child.ask('memory'),
    stop: child.stop,
  };
}
