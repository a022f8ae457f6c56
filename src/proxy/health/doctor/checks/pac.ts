// SPDX-License-Identifier: Apache-2.0
// Is the proxy auto-configuration served, in a form that browsers accept, and does it name our proxy?

import { type Check, NOT_RUNNING } from '../check.ts';

export const pacCheck: Check = {
  name: 'pac',
  async run({ daemon, net }, signal) {
    if (daemon === undefined) return NOT_RUNNING;
    const fix = 'Restart Outpost.';
    const answer = await net.get(new URL('/proxy.pac', daemon.apiUrl).href, signal);
    if (answer === undefined) return { status: 'fail', summary: 'The proxy settings file is not served.', fix };
    if (answer.status !== 200)
      return { status: 'fail', summary: `The proxy settings file is answered with status ${answer.status}.`, fix };
    if (!answer.type.startsWith('application/x-ns-proxy-autoconfig'))
      return { status: 'fail', summary: 'The proxy settings file has a type that some browsers ignore.', fix };
    if (!answer.body.includes('FindProxyForURL') || !answer.body.includes(`:${new URL(daemon.proxyUrl).port}`))
      return { status: 'fail', summary: 'The proxy settings file does not name Outpost’s proxy.', fix };
    return { status: 'ok', summary: 'The proxy settings file is served and names Outpost’s proxy.' };
  },
};
