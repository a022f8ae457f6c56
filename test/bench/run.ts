// SPDX-License-Identifier: Apache-2.0
// `npm run bench`: Outpost beside its floor (bare Node + undici) and http-mitm-proxy as shipped, alternating in one run, so that a
// noisy machine disturbs all alike. Prints ratios against the bars of the issue; exits 1 when one is missed.
// Loopback only; ends by itself.

import { parseArgs } from 'node:util';
import { breakerSimCase } from './breaker-sim.ts';
import { activationCase } from './cases/activation.ts';
import { backlogStartCase } from './cases/backlog-start.ts';
import { decisionCase } from './cases/decision.ts';
import { failoverCase } from './cases/failover.ts';
import { gatewayCase } from './cases/gateway.ts';
import { idleCase } from './cases/idle.ts';
import { ingestCase } from './cases/ingest.ts';
import { keptAliveCase } from './cases/kept-alive.ts';
import { killCase } from './cases/kill.ts';
import { leafCase } from './cases/leaf.ts';
import { memoryCase } from './cases/memory.ts';
import { newHostsCase } from './cases/new-hosts.ts';
import { newTunnelCase } from './cases/new-tunnel.ts';
import { readyCase } from './cases/ready.ts';
import { streamCase } from './cases/stream.ts';
import { syncPollCase } from './cases/sync-poll.ts';
import { translationCase } from './cases/translation.ts';
import type { Bench, Finding } from './cases/types.ts';
import { uploadCase } from './cases/upload.ts';
import { windowCase } from './cases/window.ts';
import { startOutpost } from './outpost.ts';
import { startScript } from './process.ts';

const CASES = {
  'kept-alive': keptAliveCase,
  'new-tunnel': newTunnelCase,
  stream: streamCase,
  'new-hosts': newHostsCase,
  leaf: leafCase,
  memory: memoryCase,
  gateway: gatewayCase,
  failover: failoverCase,
  translation: translationCase,
  decision: decisionCase,
  breaker: breakerSimCase,
  upload: uploadCase,
  ingest: ingestCase,
  'sync-poll': syncPollCase,
  kill: killCase,
  activation: activationCase,
  'backlog-start': backlogStartCase,
  ready: readyCase,
  window: windowCase,
  idle: idleCase,
} as const;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    quick: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) {
  console.log(`npm run bench -- [--quick] [--only CASE]…
cases: ${Object.keys(CASES).join(', ')}
--quick  fewer and shorter rounds; for trying the bench, not for figures`);
  process.exit(0);
}
for (const name of values.only ?? []) {
  if (!(name in CASES)) {
    console.error(`bench: there is no case "${name}"; cases: ${Object.keys(CASES).join(', ')}`);
    process.exit(2);
  }
}

const upstream = await startScript<Bench['upstream']>('./upstream.ts', []);
const setup = JSON.stringify(upstream.ready);
const bare = await startScript<{ port: number }>('./bare.ts', [setup]);
const shipped = await startScript<{ port: number }>('./shipped.ts', [setup]);
const outpost = await startOutpost(upstream.ready);
const findings: Finding[] = [];
try {
  const bench: Bench = {
    upstream: upstream.ready,
    bare,
    shipped,
    outpost,
    quick: values.quick ?? false,
    print: (line) => console.log(line),
  };
  for (const [name, run] of Object.entries(CASES)) {
    if (values.only !== undefined && !values.only.includes(name)) continue;
    console.log(`\n## ${name}`);
    findings.push(...(await run(bench)));
  }
} finally {
  for (const part of [outpost, shipped, bare, upstream]) await part.stop();
}

console.log('\n## bars');
let missed = 0;
for (const finding of findings) {
  const verdict = finding.value === undefined ? 'not measured' : finding.holds ? 'held' : 'MISSED';
  if (verdict === 'MISSED') missed += 1;
  console.log(`${verdict.padEnd(13)} ${finding.name}: ${finding.value ?? finding.reason} (bar: ${finding.bar})`);
}
process.exit(missed > 0 ? 1 : 0);
