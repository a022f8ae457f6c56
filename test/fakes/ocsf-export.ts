// SPDX-License-Identifier: Apache-2.0
// An organisation with one export in OCSF, the receiver of it, and which rows it got.

import type { TestContext } from 'node:test';
import { type ExportWorld, openExportWorld } from './export-world.ts';
import { startWebReceiver, type WebReceiver, type WebRequest } from './web-receiver.ts';

export const NAME = 'lake';

/** `DEVICE/EPOCH/SEQ` of all rows, as they came. */
export const idsIn = (requests: readonly WebRequest[]): readonly string[] =>
  requests.flatMap(({ body }) =>
    (JSON.parse(String(body)) as { metadata: { uid: string } }[]).map(({ metadata }) => metadata.uid),
  );

/** The export's settings. */
export const toReceiver = ({ url, ca }: WebReceiver, more: object = {}): object => ({
  name: NAME,
  type: 'ocsf',
  url,
  ca,
  ...more,
});

export async function ocsfWorld(
  test: TestContext,
  url: string,
): Promise<{ readonly world: ExportWorld; readonly receiver: WebReceiver }> {
  const world = await openExportWorld(url, test);
  const receiver = await startWebReceiver(test);
  await world.set([toReceiver(receiver)]);
  return { world, receiver };
}
