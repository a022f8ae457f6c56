// SPDX-License-Identifier: Apache-2.0
// The events that go with a database: between all processes that share it.

import type { Context, Events } from '../context.ts';
import { createPostgresEvents } from './postgres.ts';
import { createSqliteEvents } from './sqlite.ts';

export async function openEvents(parts: Omit<Context, 'events' | 'keys'>): Promise<Events> {
  const url = parts.db.postgresUrl;
  return url === undefined ? await createSqliteEvents(parts) : await createPostgresEvents({ url, ...parts });
}
