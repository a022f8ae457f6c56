// SPDX-License-Identifier: Apache-2.0
// Starts the real daemon for the bench, everything on: attribution, policy with a model rule, `standard` audit.

import { type Agent, startAgent } from '../fakes/agent.ts';

export interface BenchDaemon {
  readonly pid: number;
  readonly proxyPort: number;
  readonly gatewayPort: number;
  stop(): Promise<void>;
}

export async function startOutpost(upstream: { port: number; plainPort: number; ca: string }): Promise<BenchDaemon> {
  const agent: Agent = await startAgent({
    config: `providers:
  - name: bench
    type: openai
    base_url: https://localhost:${upstream.port}/v1
    hosts: [api.openai.com, "*.bench.test"]
  - name: plain
    type: openai-compatible
    base_url: http://127.0.0.1:${upstream.plainPort}/v1
models:
  deny: [forbidden-model]
upstream:
  ca_files: ["{CA}"]
`,
    upstreamCa: upstream.ca,
  });
  return { pid: agent.ready.pid, proxyPort: agent.proxyPort, gatewayPort: agent.gatewayPort, stop: agent.stop };
}
