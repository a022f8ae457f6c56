// SPDX-License-Identifier: Apache-2.0
// The schema of RUN_FILE, for who reads it: commands, tray, tests. Knows no file.

import * as z from 'zod/mini';
import type { Ready } from './data-files.ts';

const path = z.string().check(z.maxLength(4_096));

/** Also for what `--ready-file` receives. */
export const readySchema: z.ZodMiniType<Ready> = z.strictObject({
  proxy_url: z.url(),
  gateway_url: z.url(),
  api_url: z.url(),
  ca_path: path,
  pid: z.int().check(z.positive()),
  version: z.string().check(z.maxLength(64)),
  managed_path: z.optional(path),
});
