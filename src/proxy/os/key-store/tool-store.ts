// SPDX-License-Identifier: Apache-2.0
// Owns: what the stores that are reached through a program have in common: base64 on the wire, a deadline, reading back what was
// written. Must not know which program.

import { timingSafeEqual } from 'node:crypto';
import type { KeyStore, Opened } from '../../../contract/key-store.ts';
import type { ProgramResult, RunProgram } from '../run-program.ts';

/** A store may ask the person at the screen for a password; a daemon that starts must not wait for that. Milliseconds. */
export const STORE_DEADLINE_MS = 5_000;

export type RunTool = (file: string, args: readonly string[], input?: string) => Promise<ProgramResult>;

/** One command of a store. Texts are base64, of at most some hundred characters. */
export interface StoreTool {
  readonly title: string;
  put(run: RunTool, name: string, text: string): Promise<ProgramResult>;
  /** `absent`: the store answered, and has no such secret. */
  get(run: RunTool, name: string): Promise<ProgramResult | 'absent'>;
  remove(run: RunTool, name: string): Promise<unknown>;
}

export function toolKeyStore(tool: StoreTool, runProgram: RunProgram): KeyStore {
  const { title } = tool;
  const run: RunTool = (file, args, input) =>
    runProgram(file, args, { timeoutMs: STORE_DEADLINE_MS, ...(input !== undefined && { input }) });

  async function open(name: string): Promise<Opened> {
    const got = await tool.get(run, name);
    if (got === 'absent') return { kind: 'absent' };
    // Never what the program printed: that could be the secret.
    if (got.status === undefined) return { kind: 'unavailable', detail: `${title} did not answer` };
    if (got.status !== 0) return { kind: 'unavailable', detail: `${title} refused (status ${got.status})` };
    const text = got.stdout.trim();
    const secret = Buffer.from(text, 'base64');
    return secret.length > 0 && secret.toString('base64') === text
      ? { kind: 'secret', secret }
      : { kind: 'unavailable', detail: `${title} answered with something else than a secret` };
  }

  return {
    title,
    open,
    async seal(name, secret) {
      const put = await tool.put(run, name, Buffer.from(secret).toString('base64'));
      if (put.status !== 0) return false;
      // Some report success for what they did not keep.
      const back = await open(name);
      return back.kind === 'secret' && back.secret.length === secret.length && timingSafeEqual(back.secret, secret);
    },
    async forget(name) {
      await tool.remove(run, name);
    },
  };
}
