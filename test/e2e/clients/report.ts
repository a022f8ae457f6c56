// SPDX-License-Identifier: Apache-2.0
// What a real-client script says about its scenarios: one JSON object on standard output, read by the test that started it.

export interface Told {
  readonly text?: string;
  readonly pieces?: number;
  readonly tool?: string;
  /** Name of the error class, its HTTP status and message. */
  readonly error?: { readonly name: string; readonly status?: number; readonly message: string };
  readonly headers?: Readonly<Record<string, string | null>>;
}

export const PNG = Buffer.from('not really a picture').toString('base64');

export const OUTPOST_HEADERS = [
  'x-outpost-request-id',
  'x-outpost-provider',
  'x-outpost-model',
  'x-outpost-decision',
] as const;

export function picked(headers: Headers | undefined): Record<string, string | null> {
  return Object.fromEntries(OUTPOST_HEADERS.map((name) => [name, headers?.get(name) ?? null]));
}

/** Runs each scenario; what it throws is part of the report. */
export async function report(scenarios: Readonly<Record<string, () => Promise<Told>>>): Promise<void> {
  const told: Record<string, Told> = {};
  for (const [name, run] of Object.entries(scenarios)) {
    try {
      told[name] = await run();
    } catch (error) {
      const failure = error as Error & { status?: number };
      told[name] = {
        error: {
          name: failure.constructor.name,
          message: failure.message,
          ...(failure.status === undefined ? {} : { status: failure.status }),
        },
      };
    }
  }
  process.stdout.write(JSON.stringify(told));
}
