// SPDX-License-Identifier: Apache-2.0
// Keeps the exports of all organisations going. Any number of processes may do so: each export is carried by one of them at a time.
// Knows when, not what or how.

import type { Context } from '../context.ts';
import { oneAtATime } from '../db/one-at-a-time.ts';
import { readSettings } from '../orgs/settings.ts';
import { isDue, runExport } from './run.ts';
import type { ExportSettings } from './settings.ts';
import { createSettled } from './settled.ts';
import { superviseExports } from './waiting.ts';

/** Milliseconds between two looks; a row is sent so long after it came, or twice that. */
const LOOK_EVERY = 2_000;
/** Milliseconds between two looks at how far behind they are. */
const SUPERVISE_EVERY = 300_000;
/** Of this process. Each keeps a connection of the pool, and needs another one for its queries. */
const MOST_AT_ONCE = 4;

export interface Exports {
  /** Ends what is under way; what was not taken goes again later. */
  close(): Promise<void>;
}

export function startExports(ctx: Context): Exports {
  const stop = new AbortController();
  const settled = createSettled(ctx.db);
  const configured = createConfigured(ctx);
  const running = new Map<string, Promise<void>>();

  async function carry(org: string, settings: ExportSettings, upTo: number): Promise<void> {
    const run = { ctx, org, settings, upTo, stop: stop.signal };
    try {
      await oneAtATime(ctx.db, `export:${org}:${settings.name}`, async () => {
        // Another process may have done it meanwhile.
        if (await isDue(run)) await runExport(run);
      });
    } catch (error) {
      ctx.log.error('export-failed', {
        org,
        export: settings.name,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  async function look(): Promise<void> {
    const all = await configured();
    if (all.length === 0) return;
    const upTo = await settled.upTo();
    for (const { org, settings } of all) {
      const key = JSON.stringify([org, settings.name]);
      if (stop.signal.aborted || running.size >= MOST_AT_ONCE) return;
      if (running.has(key) || !(await isDue({ ctx, org, settings, upTo }))) continue;
      running.set(
        key,
        carry(org, settings, upTo).finally(() => running.delete(key)),
      );
    }
  }

  /** One round at a time; what goes wrong is logged and tried again in the next. */
  function rounds(ms: number, work: () => Promise<unknown>): () => Promise<void> {
    let round: Promise<void> | undefined;
    const safely = async (): Promise<void> => {
      try {
        await work();
      } catch (error) {
        ctx.log.error('export-failed', { error: error instanceof Error ? error.message : String(error) });
      } finally {
        round = undefined;
      }
    };
    const timer = ctx.clock.every(ms, () => {
      round ??= safely();
    });
    return async () => {
      timer.clear();
      await round;
    };
  }

  const ends = [
    rounds(LOOK_EVERY, look),
    rounds(SUPERVISE_EVERY, () => oneAtATime(ctx.db, 'exports', () => superviseExports(ctx))),
  ];
  return {
    async close() {
      stop.abort();
      await Promise.all(ends.map((end) => end()));
      await Promise.all(running.values());
    },
  };
}

interface Configured {
  readonly org: string;
  readonly settings: ExportSettings;
}

/** All exports of all organisations, in a new order each time, so that none is always the last. Settings are parsed when they change. */
function createConfigured({ db, log, random }: Context): () => Promise<readonly Configured[]> {
  let known = new Map<string, { readonly text: string; readonly exports: readonly ExportSettings[] }>();
  const exportsIn = (text: string): readonly ExportSettings[] => {
    try {
      return readSettings(text).exports;
    } catch {
      // One organisation whose settings an older program wrote must not keep the others from their exports.
      log.error('settings-unreadable');
      return [];
    }
  };
  return async () => {
    const rows = await db.query.selectFrom('org').select(['id', 'settings']).orderBy('id').execute();
    known = new Map(
      rows.map(({ id, settings: text }) => {
        const before = known.get(id);
        return [id, before?.text === text ? before : { text, exports: exportsIn(text) }];
      }),
    );
    const all = [...known].flatMap(([org, { exports }]) => exports.map((settings) => ({ org, settings })));
    const first = all.length === 0 ? 0 : random(4).readUInt32BE() % all.length;
    return [...all.slice(first), ...all.slice(0, first)];
  };
}
