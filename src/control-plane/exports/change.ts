// SPDX-License-Identifier: Apache-2.0
// Adds an export to an organisation's settings, changes one of its secrets, takes it out. All else in the settings stays as it is.

import { z } from 'zod';
import type { Actor } from '../actor.ts';
import { changeSettings } from '../admin/org-settings.ts';
import type { Context } from '../context.ts';
import { Refused } from '../refused.ts';

type Members = Readonly<Record<string, unknown>>;
const stored = z.array(z.looseObject({ name: z.string() }));

/** @param given as it stands in the settings; `secret_headers` are sealed */
export async function addExport(
  ctx: Context,
  org: string,
  actor: Actor,
  given: Members & { readonly name: string },
): Promise<void> {
  await change(ctx, org, actor, (all) => {
    if (all.some(({ name }) => name === given.name))
      throw new Refused('conflict', `there is an export ${given.name} already; remove it first`);
    return [...all, given];
  });
}

/** What was not sent until now is not sent. */
export async function removeExport(ctx: Context, org: string, actor: Actor, name: string): Promise<void> {
  await change(ctx, org, actor, (all) => {
    oneOf(all, name);
    return all.filter((one) => one.name !== name);
  });
}

/** Sets or replaces the value of a secret header. */
export async function setExportSecret(
  ctx: Context,
  org: string,
  actor: Actor,
  name: string,
  header: string,
  value: string,
): Promise<void> {
  await change(ctx, org, actor, (all) => {
    const one = oneOf(all, name);
    if (typeof one['url'] !== 'string') throw new Refused('conflict', `export ${name} sends no headers`);
    const secret_headers = { [header]: value };
    return all.map((each) => (each === one ? { ...one, secret_headers } : each));
  });
}

type Stored = z.infer<typeof stored>[number];

function oneOf(all: readonly Stored[], name: string): Stored {
  const found = all.find((one) => one.name === name);
  if (found === undefined) throw new Refused('missing', `there is no export ${name}`);
  return found;
}

async function change(
  ctx: Context,
  org: string,
  actor: Actor,
  work: (all: readonly Stored[]) => readonly Members[],
): Promise<void> {
  await changeSettings(ctx, org, actor, {
    settings: (settings) => ({ ...settings, exports: work(stored.parse(settings['exports'] ?? [])) }),
  });
}
