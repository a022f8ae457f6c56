// SPDX-License-Identifier: Apache-2.0
// The real control plane as a receiver of audit rows, with one enrolled device, for the suites of the upload.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditReceiver, ReceiverOptions } from './audit-receiver.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';

export const RECEIVER_SERIAL = 'SN-1';

export interface RealReceiver extends AuditReceiver {
  readonly plane: ControlPlane;
}

export async function startControlPlaneReceiver(
  database: string,
  { clock, tls }: ReceiverOptions,
): Promise<RealReceiver> {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-receiver-'));
  const files = { cert_file: join(folder, 'cert.pem'), key_file: join(folder, 'key.pem') };
  if (tls !== undefined) {
    writeFileSync(files.cert_file, tls.cert);
    writeFileSync(files.key_file, tls.key);
  }
  // Enrolled without TLS: what is tested comes later.
  const front = await startControlPlane({ database, clock });
  const device = await front.enrolled({ facts: { serial: RECEIVER_SERIAL } });
  // One process at a time: on SQLite two would wait for each other's locks.
  if (tls !== undefined) await front.server.stop();
  const plane = tls === undefined ? front : await startControlPlane({ beside: front, clock, settings: { tls: files } });
  const { ctx } = plane;
  return {
    plane,
    device: device.id,
    port: Number(new URL(plane.url).port),
    key: device.keys.sign,
    keyid: device.keys.kid,
    stored: async (epoch) => {
      const rows = ctx.db.query.selectFrom('audit').select(['seq', 'at', 'hash', 'body']);
      return await rows.where('device', '=', device.id).where('epoch', '=', epoch).orderBy('seq').execute();
    },
    close: async () => {
      if (plane !== front) await plane.close();
      await front.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
