// SPDX-License-Identifier: Apache-2.0
// One leaf certificate with its TLS context: Outpost's way against http-mitm-proxy's, in this process, alternating.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { CA } from 'http-mitm-proxy/dist/lib/ca.js';
import { systemClock } from '../../../src/proxy/clock.ts';
import { openAuthority } from '../../../src/proxy/intercept/certs/authority.ts';
import { createLog } from '../../../src/proxy/log.ts';
import { median } from '../client.ts';
import { type Bench, type Finding, ratio } from './types.ts';

export async function leafCase(bench: Bench): Promise<readonly Finding[]> {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-bench-'));
  try {
    const authority = await openAuthority({
      dir: join(folder, 'ca'),
      clock: systemClock,
      log: createLog({ write: () => undefined, level: 'error', clock: systemClock }),
      crlBaseUrl: 'http://127.0.0.1:1',
      permitted: ['*.bench.test'],
    });
    const shipped = await new Promise<CA>((resolve, reject) =>
      CA.create(join(folder, 'shipped'), (error: Error | null, ca: CA) =>
        error === null ? resolve(ca) : reject(error),
      ),
    );
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let i = 0; i < (bench.quick ? 5 : 20); i += 1) {
      let started = performance.now();
      for (let n = 0; n < 10; n += 1) authority.contextFor(`l${i}-${n}.bench.test`);
      ours.push((performance.now() - started) / 10);
      started = performance.now();
      const { cert, key } = await new Promise<{ cert: string; key: string }>((resolve) =>
        shipped.generateServerCertificateKeys(`l${i}.bench.test`, (certificate: string, privateKey: string) =>
          resolve({ cert: certificate, key: privateKey }),
        ),
      );
      createSecureContext({ cert, key });
      theirs.push(performance.now() - started);
    }
    authority.close();
    bench.print(`  outpost ${median(ours).toFixed(3)} ms, http-mitm-proxy ${median(theirs).toFixed(1)} ms`);
    const value = median(theirs) / median(ours);
    return [
      {
        name: 'leaf with context, times faster than http-mitm-proxy',
        value: ratio(value),
        bar: '>= 200 x',
        holds: value >= 200,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
