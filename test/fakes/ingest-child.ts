// SPDX-License-Identifier: Apache-2.0
// A second process of a control plane: opens the database that argv names, says `ready`, stores the batch of the first line it reads,
// and prints the result. argv: URL, organisation, device, receipt key (PKCS 8 in base64).

import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { auditBatch } from '../../src/contract/sync/messages.ts';
import { storeBatch } from '../../src/control-plane/ingest/store-batch.ts';
import { newTestKeys, openControlPlane, signerOf } from './control-plane-context.ts';

const [url = '', org = '', id = '', receipt = ''] = process.argv.slice(2);
const key = createPrivateKey({ key: Buffer.from(receipt, 'base64'), format: 'der', type: 'pkcs8' });
const { ctx, close } = await openControlPlane(url, { keys: newTestKeys(signerOf(key)) });
const lines = createInterface({ input: process.stdin });
const read = once(lines, 'line');
process.stdout.write('ready\n');
const [line] = (await read) as [string];
lines.close();
const result = await storeBatch(ctx, { id, org }, auditBatch.parse(JSON.parse(line)));
await close();
process.stdout.write(`${JSON.stringify(result)}\n`);
process.stdin.destroy();
