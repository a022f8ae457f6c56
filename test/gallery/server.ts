// SPDX-License-Identifier: Apache-2.0
// Builds the gallery in memory and serves it on loopback, under the same content security policy as the page in a browser.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface Gallery {
  /** Of the list; `view.html` beside it is the view alone. */
  readonly url: string;
  close(): Promise<void>;
}

const HERE = fileURLToPath(new URL('.', import.meta.url));
const STYLE = fileURLToPath(new URL('../../src/renderer/style.css', import.meta.url));

const html = (name: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gallery</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/${name}.css">
<script type="module" src="/${name}.js"></script>
</head>
<body><div id="app"></div></body>
</html>
`;

const TYPES = { html: 'text/html', js: 'text/javascript', css: 'text/css' } as const;
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; frame-src 'self'";

/** @param port 0: any that is free */
export async function startGallery(port = 0): Promise<Gallery> {
  const { outputFiles } = await build({
    entryPoints: {
      index: `${HERE}index.tsx`,
      view: `${HERE}view.tsx`,
      'index-style': `${HERE}index.css`,
      'view-style': STYLE,
    },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    outdir: '/',
    write: false,
    logLevel: 'silent',
  });
  const files = new Map<string, string>([
    ['/', html('index')],
    ['/view.html', html('view')],
    ...outputFiles.map(({ path, text }) => [`/${basename(path).replace('-style', '')}`, text] as const),
  ]);
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const text = files.get(path);
    const type = TYPES[(path.split('.')[1] ?? 'html') as keyof typeof TYPES];
    if (text === undefined) response.writeHead(404).end();
    else
      response
        .writeHead(200, { 'content-type': `${type}; charset=utf-8`, 'content-security-policy': POLICY })
        .end(text);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
