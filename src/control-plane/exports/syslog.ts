// SPDX-License-Identifier: Apache-2.0
// Hands rows to a syslog receiver over TLS (RFC 5425), a connection for each delivery. Syslog acknowledges nothing; but a receiver that has
// read to our end must answer it with its own (RFC 5425, 4.4), so that rows count as taken when it has closed in order after us. Whatever
// breaks before is sent again. One that hangs up by itself (a load balancer with nothing behind it) must not look the same: there is a
// pause before our end, in which nothing may happen.

import { isIP } from 'node:net';
import { connect } from 'node:tls';
import type { Clock, Timer } from '../../contract/clock.ts';
import type { Facts } from './facts.ts';
import { PATIENCE } from './post.ts';
import type { Delivery, Receiver } from './receiver.ts';
import type { SyslogExport } from './settings.ts';
import { syslogFrame } from './syslog-message.ts';

/** Milliseconds; longer than the answer to our last byte takes to come from afar. */
const PAUSE = 250;

export function createSyslogReceiver(
  clock: Pick<Clock, 'after'>,
  { host, port, ca }: SyslogExport,
  textOf: (row: Facts) => string,
): Receiver {
  const open = new Set<() => void>();

  function send(bytes: Buffer): Promise<Delivery> {
    return new Promise((resolve) => {
      let ended = false;
      let pause: Timer | undefined;
      const socket = connect({
        host,
        port,
        ...(isIP(host) === 0 ? { servername: host } : {}),
        minVersion: 'TLSv1.2',
        rejectUnauthorized: true,
        ...(ca === undefined ? {} : { ca }),
      });
      const stop = (): void => void socket.destroy(new Error('stopping'));
      const timer = clock.after(PATIENCE, () => socket.destroy(new Error('no answer in time')));
      const end = (delivery: Delivery): void => {
        timer.clear();
        pause?.clear();
        open.delete(stop);
        socket.destroy();
        resolve(delivery);
      };
      open.add(stop);
      socket.on('secureConnect', () =>
        socket.write(bytes, () => {
          pause = clock.after(PAUSE, () => {
            ended = true;
            socket.end();
          });
        }),
      );
      // A receiver that speaks is none of ours to listen to; it must be read for its end to be seen.
      socket.resume();
      socket.on('end', () =>
        end(ended ? { kind: 'taken', rejected: 0 } : { kind: 'later', reason: 'the receiver closed the connection' }),
      );
      socket.on('error', (error: Error & { readonly code?: string }) =>
        end({ kind: 'later', reason: error.code ?? error.message }),
      );
      socket.on('close', () => end({ kind: 'later', reason: 'the connection was cut off' }));
    });
  }

  return {
    deliver: async (rows) => await send(Buffer.concat(rows.map((row) => syslogFrame(row, textOf(row))))),
    close() {
      for (const stop of open) stop();
    },
  };
}
