// SPDX-License-Identifier: Apache-2.0
// What the decisions about one call cost in this process, without sockets: recognise, read, judge, route, and the intent row made and
// handed over. Beside the 11 us that another gateway claims for itself, and what that figure leaves out.

import { performance } from 'node:perf_hooks';
import { systemClock } from '../../../src/proxy/clock.ts';
import { dialectOf, recognise } from '../../../src/proxy/dialects/index.ts';
import { conversationOf } from '../../../src/proxy/exchange/conversation.ts';
import { intentRow, type Subject } from '../../../src/proxy/exchange/rows.ts';
import { indexCatalogue } from '../../../src/proxy/policy/catalogue.ts';
import { compilePolicy } from '../../../src/proxy/policy/compile.ts';
import { parseConfig } from '../../../src/proxy/policy/parse.ts';
import { builtInCatalogue } from '../../../src/proxy/policy/parse-catalogue.ts';
import { PROVIDER_TUNING } from '../../../src/proxy/policy/tuning.ts';
import { createRouter } from '../../../src/proxy/routing/router.ts';
import { median } from '../client.ts';
import type { Bench, Finding } from './types.ts';

const CONFIG = `providers:
  - { name: openai-primary, type: openai, api_key: k1 }
  - { name: anthropic-fallback, type: anthropic, api_key: k2 }
routes:
  - { id: default-route, model: gpt-4o, fallbacks: [{ provider: openai-primary }, { provider: anthropic-fallback, model: claude }] }
models: { deny: ["forbidden-*"] }
`;

const BATCH = 2_000;

export async function decisionCase(bench: Bench): Promise<readonly Finding[]> {
  const parsed = parseConfig(CONFIG);
  if (!parsed.ok) throw new Error('the bench’s own configuration is bad');
  const compiled = compilePolicy({
    config: parsed.config,
    text: CONFIG,
    catalogue: indexCatalogue(builtInCatalogue()),
    env: {},
    named: { upstreamRoots: [], serviceAccounts: {} },
    generation: 1,
  });
  if (!compiled.ok) throw new Error('the bench’s own configuration does not compile');
  const { policy } = compiled;
  const router = createRouter({
    clock: systemClock,
    random: Math.random,
    tuningOf: () => PROVIDER_TUNING,
    device: () => policy.settings.routing.device,
    priceOf: () => undefined,
  });
  const owner = { pid: 1, uid: 1000, name: 'code', exe: '/usr/bin/code', script: undefined, started: '1', app: 'code' };
  const body = Buffer.from(
    JSON.stringify({ model: 'gpt-4o', messages: [{ role: 'user', content: 'y'.repeat(820) }], temperature: 0.2 }),
  );
  const headers = ['host', 'api.openai.com', 'content-type', 'application/json', 'authorization', 'Bearer x'];
  const addressed = policy.providerForHost('api.openai.com');
  if (addressed === undefined) throw new Error('the bench’s own provider is missing');
  const posted: unknown[] = [];

  const call: Pick<Subject['call'], 'entrance' | 'method' | 'target' | 'connection'> = {
    entrance: 'intercept',
    method: 'POST',
    target: '/v1/chat/completions',
    connection: {
      id: '1',
      peer: { family: 4, localPort: 1, remotePort: 2 },
      owner: () => Promise.resolve(owner),
      ownerSettled: () => Promise.resolve(owner),
    },
  };
  const totals: number[] = [];
  for (let round = -5; round < (bench.quick ? 10 : 60); round += 1) {
    const begun = performance.now();
    for (let n = 0; n < BATCH; n += 1) {
      const recognised = recognise({ method: 'POST', host: 'api.openai.com', path: call.target });
      if (recognised === undefined) throw new Error('not recognised');
      const facts = dialectOf(recognised.dialect).readRequest(recognised, body);
      policy.decide({ host: 'api.openai.com', provider: addressed, model: facts.model, modelKnown: true, owner });
      const route = policy.route(
        { model: facts.model, dialect: recognised.dialect, path: call.target, owner },
        addressed,
      );
      const conversation = conversationOf(facts, body, headers);
      const run = router.begin({
        route,
        tuning: route.tuning,
        stream: false,
        repeatable: () => true,
        reasoning: false,
        promptTokens: conversation.promptTokens,
        conversation: conversation.key,
        longCache: false,
        inToolLoop: false,
        callerRetry: 0,
      });
      const step = run.next();
      if (step.kind !== 'try') throw new Error('nothing to try');
      posted.push(
        intentRow(
          {
            request: 'req_x',
            decision: 'dec_x',
            call: call as Subject['call'],
            policy,
            host: 'api.openai.com',
            owner,
            recognised,
            facts,
            operation: recognised.operation,
            protocol: 'h2',
            requestBytes: body.length,
          },
          { provider: step.planned.target.provider.name, model: facts.model, rule: undefined },
        ),
      );
      run.ended(step.planned, { kind: 'complete' });
      run.close();
    }
    if (round >= 0) totals.push(((performance.now() - begun) / BATCH) * 1_000);
    posted.length = 0;
  }
  router.close();
  const value = median(totals);
  bench.print(
    `  one call of 0.9 KB: ${value.toFixed(1)} us to recognise, read, judge, hash the conversation, route along a chain of two, note the result, and make the row`,
  );
  bench.print(
    '  not in it: sockets, the answer, the hand-over to the writer’s thread (see kept-alive for all of it together)',
  );
  bench.print(
    '  Bifrost’s claim of 11 us (59 us on its smaller machine) leaves out JSON (27 to 63 us) and reading the answer (2 to 11 ms)',
  );
  return [
    {
      name: 'decisions about one call, in process',
      value: `${value.toFixed(1)} us`,
      bar: 'printed beside the 11 us claim',
      holds: true,
    },
  ];
}
