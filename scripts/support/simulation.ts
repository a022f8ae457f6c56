// SPDX-License-Identifier: Apache-2.0
// Two simulated providers and the configuration that sends OpenAI's and Anthropic's traffic to them. Shared by demo and dev.

import { SimulatedProvider } from '../../test/fakes/provider/simulated-provider.ts';

export interface Simulation {
  readonly openai: SimulatedProvider;
  readonly anthropic: SimulatedProvider;
  close(): Promise<void>;
}

export async function startSimulation(): Promise<Simulation> {
  // A little pause between events, so that a stream is seen as one.
  const openai = await new SimulatedProvider({ fault: { gap: 20 } }).listen();
  const anthropic = await new SimulatedProvider({ fault: { gap: 20 } }).listen();
  return {
    openai,
    anthropic,
    async close() {
      await openai.close();
      await anthropic.close();
    },
  };
}

/** What the demonstration forbids. */
export const DENIED_MODEL = 'gpt-3.5-turbo';

/** What the simulated OpenAI fails to answer. */
export const FAILING_MODEL = 'gpt-4o';

const RULES = `models:
  deny: ["gpt-3.5*"]
`;

/** The keys are plainly none. */
export const SIMULATED_KEY = 'key-of-nobody';

/**
 * The rules for the simulated providers.
 * @param key as the rules name it: itself, or `secret:NAME` in an organisation
 */
export function simulatedConfig({ openai, anthropic }: Simulation, key = SIMULATED_KEY): string {
  return `providers:
  - name: openai-simulated
    type: openai
    base_url: ${openai.origin}/v1
    api_key: ${key}
  - name: anthropic-simulated
    type: anthropic
    base_url: ${anthropic.origin}
    api_key: ${key}
routes:
  - id: outage
    model: ${FAILING_MODEL}
    strategy: primary-fallback
    fallbacks:
      # The simulated OpenAI takes the call, begins a stream, and then reports an error in it.
      - { provider: openai-simulated, model: "${FAILING_MODEL}+error=preamble" }
      - { provider: anthropic-simulated, model: claude-sonnet-4-6 }
${RULES}`;
}

/** The rules for the real providers whose keys are set; the keys themselves stay in the environment. */
export function realConfig(keys: { readonly openai: boolean; readonly anthropic: boolean }): string {
  const provider = (name: string, type: string, variable: string) =>
    `  - name: ${name}\n    type: ${type}\n    api_key: \${${variable}}\n`;
  const openai = keys.openai ? provider('openai', 'openai', 'OPENAI_API_KEY') : '';
  const anthropic = keys.anthropic ? provider('anthropic', 'anthropic', 'ANTHROPIC_API_KEY') : '';
  return `providers:\n${openai}${anthropic}${RULES}`;
}
