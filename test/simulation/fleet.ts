// SPDX-License-Identifier: Apache-2.0
// Many agents and their server on one virtual clock: made, started over a while, told to change. The same seed gives the same course.

import type { DeviceTable } from '../../src/control-plane/db/tables.ts';
import { UNHEARD } from '../../src/control-plane/devices/unheard.ts';
import { freshDocument } from '../../src/control-plane/objects/fresh.ts';
import { saveDraft } from '../../src/control-plane/policies/drafts.ts';
import { publish } from '../../src/control-plane/policies/publish.ts';
import { ringOf } from '../../src/control-plane/policies/rings.ts';
import { seeded } from '../fakes/random.ts';
import { factsOf, type OnDisk, SimAgent, type SimAgentOptions } from './sim-agent.ts';
import { ORG, SimServer, type SimServerOptions } from './sim-server.ts';
import { VirtualClock } from './virtual-clock.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
/** The morning of a Monday. */
export const MONDAY = Date.UTC(2030, 0, 7, 8, 30);

export const ACTOR = { name: 'user:operator', role: 'admin' };

export interface FleetOptions {
  readonly agents: number;
  readonly seed: number;
  readonly settings?: SimServerOptions['settings'];
  readonly storesStatus?: boolean;
  readonly caches?: number;
  /** When it begins; milliseconds since the Unix epoch. */
  readonly begin?: number;
}

type Device = { readonly device: string; readonly ring: string };
type Change = Partial<Pick<SimAgentOptions, 'refuses' | 'withoutStream' | 'callsEvery'>>;

export class Fleet {
  readonly clock: VirtualClock;
  readonly server: SimServer;
  readonly random: () => number;
  readonly agents: SimAgent[] = [];
  readonly #devices: readonly Device[];

  private constructor(clock: VirtualClock, server: SimServer, random: () => number, ringKey: Buffer, count: number) {
    this.clock = clock;
    this.server = server;
    this.random = random;
    const hex = (): string =>
      Math.floor(random() * 0x1_0000_0000)
        .toString(16)
        .padStart(8, '0');
    this.#devices = Array.from({ length: count }, () => {
      const device = `d-${hex()}${hex()}${hex()}${hex()}`;
      return { device, ring: ringOf(ringKey, device) };
    });
  }

  static async open({ agents, seed, begin = MONDAY, ...options }: FleetOptions): Promise<Fleet> {
    const clock = new VirtualClock(begin);
    const random = seeded(seed);
    const server = await SimServer.open({ clock, random, ...options });
    const { query } = server.ctx.db;
    const { ring_key } = await query.selectFrom('org').select('ring_key').executeTakeFirstOrThrow();
    return new Fleet(clock, server, random, ring_key, agents);
  }

  get devices(): readonly Device[] {
    return this.#devices;
  }

  /** Publishes a text to all rings, or to those of the first stage. */
  async publish(config: string, stage: number): Promise<number> {
    const { ctx } = this.server;
    const version = await saveDraft(ctx, ORG, ACTOR, { config, files: {}, note: '' });
    await publish(ctx, ORG, ACTOR, version, { stage });
    return version;
  }

  /** Makes them known to the server, as enrolment leaves them. */
  async enrol(): Promise<void> {
    const { query } = this.server.ctx.db;
    const rows = this.#devices.map(({ device, ring }) => newDevice(device, ring, this.clock.now()));
    for (let at = 0; at < rows.length; at += 200) {
      await query
        .insertInto('device')
        .values(rows.slice(at, at + 200))
        .execute();
    }
  }

  /** What a device has on its disk that has just seen all there is. */
  async #onDisk(): Promise<ReadonlyMap<string, OnDisk>> {
    const found = new Map<string, OnDisk>();
    for (const ring of new Set(this.#devices.map((each) => each.ring))) {
      const document = await freshDocument(this.server.ctx, ORG, ring);
      const bundle = document === undefined ? undefined : factsOf(document.body).bundle;
      if (document === undefined || bundle === undefined) continue;
      found.set(ring, { fresh: document.body, version: bundle.version, sha256: bundle.sha256 });
    }
    return found;
  }

  /**
   * Starts all of them, each after a time of its own.
   * @param delay milliseconds
   * @param change how they differ from the usual: all, or each in its own way
   */
  async start(delay: (index: number) => number, change: Change | ((device: Device) => Change) = {}): Promise<void> {
    const { clock, server, random } = this;
    const onDisk = await this.#onDisk();
    for (const [index, { device, ring }] of this.#devices.entries()) {
      clock.after(delay(index), () => {
        const own = { server, clock, random, device, ring, onDisk: onDisk.get(ring) };
        const changed = typeof change === 'function' ? change({ device, ring }) : change;
        this.agents.push(new SimAgent({ ...own, ...changed }));
      });
    }
  }

  /** Share of the agents of which something holds. */
  share(holds: (agent: SimAgent) => boolean): number {
    return this.agents.filter(holds).length / this.#devices.length;
  }

  /** Seconds until something holds of so large a share; undefined: it did not within `most`. */
  async until(most: number, share: number, holds: (agent: SimAgent) => boolean): Promise<number | undefined> {
    const began = this.clock.monotonic();
    while (this.clock.monotonic() - began < most) {
      if (this.share(holds) >= share) return (this.clock.monotonic() - began) / SECOND;
      await this.clock.run(SECOND / 2);
    }
    return undefined;
  }

  close(): Promise<void> {
    return this.server.close();
  }
}

function newDevice(id: string, ring: string, now: number): DeviceTable {
  return {
    ...UNHEARD,
    root: 1,
    id,
    org: ORG,
    kid: id,
    sign_key: '',
    seal_key: '',
    override_key: Buffer.alloc(0),
    ring,
    name: 'laptop',
    platform: 'linux',
    os_version: '6.1',
    arch: 'x64',
    serial: null,
    agent: '1.0.0',
    replaces: null,
    token: 't-1',
    enrolled: now,
    last_seen: now,
  };
}
