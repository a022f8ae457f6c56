// SPDX-License-Identifier: Apache-2.0
// Bench rival: http-mitm-proxy as its package ships it, keepAlive on. The only hook sends every host to the bench upstream, since
// the names of the bench do not resolve.

import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Proxy as ShippedProxy } from 'http-mitm-proxy';

const setup = JSON.parse(process.argv[2] ?? '{}') as { port: number; ca: string };
const folder = mkdtempSync(join(tmpdir(), 'outpost-bench-'));
const proxy = new ShippedProxy();
proxy.onError(() => undefined);
proxy.onRequest((context, callback) => {
  const options = context.proxyToServerRequestOptions;
  if (options !== undefined) {
    options.host = 'localhost';
    options.port = setup.port;
  }
  callback();
});
proxy.listen(
  {
    port: 0,
    host: '127.0.0.1',
    keepAlive: true,
    sslCaDir: folder,
    httpsAgent: new Agent({ keepAlive: true, ca: setup.ca, servername: 'localhost' }),
  },
  () => process.send?.({ port: proxy.httpPort }),
);
const leave = (): never => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
};
process.on('disconnect', leave);
process.on('SIGTERM', leave);
