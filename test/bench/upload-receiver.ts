// SPDX-License-Identifier: Apache-2.0
// A control plane for the bench of the upload, in a process of its own: takes rows in memory as strictly as a real one.

import { systemClock } from '../../src/proxy/clock.ts';
import { startMemoryReceiver } from '../fakes/audit-receiver.ts';

const receiver = await startMemoryReceiver({ clock: systemClock });
process.send?.({
  port: receiver.port,
  key: receiver.key.export({ format: 'pem', type: 'pkcs8' }),
  keyid: receiver.keyid,
});
