// SPDX-License-Identifier: Apache-2.0
// The checks of a running doctor as server-sent events: `check` as each ends, then `report`. Knows no check and no socket.

import type { DoctorCheck, DoctorReport } from '../../contract/local-api.ts';
import type { AgentView } from './agent-view.ts';

function frame(event: 'check' | 'report', value: DoctorCheck | DoctorReport): string {
  return `event: ${event}\ndata: ${JSON.stringify(value)}\n\n`;
}

/** Takes as long as the doctor does; who leaves earlier disturbs nobody. */
export async function* doctorEvents(doctor: AgentView['doctor']): AsyncGenerator<string> {
  const ended: DoctorCheck[] = [];
  let news = Promise.withResolvers<void>();
  let isOver = false;
  const over = (): void => {
    isOver = true;
    news.resolve();
  };
  const running = doctor((check) => {
    ended.push(check);
    news.resolve();
  });
  running.then(over, over);
  for (;;) {
    for (const check of ended.splice(0)) yield frame('check', check);
    if (isOver && ended.length === 0) break;
    await news.promise;
    news = Promise.withResolvers<void>();
  }
  yield frame('report', await running);
}
