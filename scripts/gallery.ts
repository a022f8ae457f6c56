// SPDX-License-Identifier: Apache-2.0
// `npm run gallery`: every view of window and page in every state, with an invented agent, until Ctrl-C.

import { once } from 'node:events';
import { startGallery } from '../test/gallery/server.ts';

const gallery = await startGallery();
process.stdout.write(`${gallery.url}\nCtrl-C ends it.\n`);
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
await gallery.close();
