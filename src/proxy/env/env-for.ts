// SPDX-License-Identifier: Apache-2.0
// What `outpost env` prints: the variables of a terminal or of one tool, and the commands that set them. Pure.

import type { EnvReport, Shell } from '../../contract/local-api.ts';
import { assignment } from './quote.ts';
import { GENERAL, TOOLS, type Variable } from './tools.ts';

export interface EnvRequest {
  readonly shell: Shell;
  /** A name of TOOLS; undefined: what any tool may need. */
  readonly tool?: string | undefined;
  readonly proxyUrl: string;
  /** No slash at the end. */
  readonly gatewayUrl: string;
  /** File with the system's roots and ours. */
  readonly caBundlePath: string;
  /** File with our certificates alone, for variables that add to a list. */
  readonly caPath: string;
}

/** Dev servers and neighbours stay out of the proxy. `.local` names are multicast DNS and never public. */
export const NO_PROXY = 'localhost,127.0.0.1,::1,.local';

function fill({ value }: Variable, request: EnvRequest): string {
  switch (value) {
    case 'proxy':
      return request.proxyUrl;
    case 'exceptions':
      return NO_PROXY;
    case 'one':
      return '1';
    case 'ca':
      return request.caPath;
    case 'bundle':
      return request.caBundlePath;
    default:
      return request.gatewayUrl + value;
  }
}

/** Undefined: there is no such tool. @throws RangeError when a path or address has control characters */
export function envFor(request: EnvRequest): EnvReport | undefined {
  const { shell, tool } = request;
  const known = tool === undefined ? { variables: GENERAL, notes: undefined } : TOOLS.get(tool);
  if (known === undefined) return undefined;
  const variables = known.variables.flatMap((variable) => {
    const entry = { name: variable.name, value: fill(variable, request), why: variable.why };
    // On Windows names have no case: the twin would be the same variable.
    const hasTwin = variable.lower === true && shell !== 'powershell';
    return hasTwin ? [entry, { ...entry, name: variable.name.toLowerCase() }] : [entry];
  });
  const lines = variables.map(({ name, value }) => `${assignment(shell, name, value)}\n`);
  return {
    shell,
    ...(tool === undefined ? {} : { tool }),
    variables,
    notes: [...(known.notes ?? [])],
    script: lines.join(''),
  };
}
