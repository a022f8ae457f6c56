// SPDX-License-Identifier: Apache-2.0
// The generated pages of docs/reference, as text. scripts/docs.ts writes them and a rule compares.

import { ERRORS, type ErrorEntry } from '../../src/contract/errors.ts';
import { LOSSES, type LossEntry, type LossSeverity } from '../../src/proxy/dialects/hub/loss.ts';
import { jsonText, openapi } from './openapi.ts';
import { providersPage } from './providers-page.ts';
import { syncPage } from './sync-page.ts';

const NOTE = (source: string) => `<!-- Written by scripts/docs.ts from ${source}; change that and run it. -->`;

function errorsPage(): string {
  const entries = Object.entries(ERRORS as Readonly<Record<string, ErrorEntry>>).sort(([a], [b]) => (a < b ? -1 : 1));
  const sections = entries.map(
    ([code, { status, retryable, user, operator }]) => `## ${code}

Status ${status}${retryable ? ', the same call may succeed later' : ''}. The caller reads: “${user}”

${operator}
`,
  );
  return `${NOTE('src/contract/errors.ts')}
# Errors

Each refusal or failure that Outpost words itself has one of these codes. The answer has the shape of the caller's own protocol; the
code is in its body, the log and the audit row. Refusals by policy are status 400: SDKs show the message and do not try again.

${sections.join('\n')}`;
}

function lossesPage(): string {
  const entries = Object.entries(LOSSES as Readonly<Record<string, LossEntry>>).sort(([a], [b]) => (a < b ? -1 : 1));
  const table = (severity: LossSeverity): string =>
    entries
      .filter(([, entry]) => entry.severity === severity)
      .map(([code, { text }]) => `| \`${code}\` | ${text} |`)
      .join('\n');
  return `${NOTE('src/proxy/dialects/hub/loss.ts')}
# Losses

What another wire protocol, or another host, cannot say of a request or an answer. The codes stand in the audit rows (\`losses\`), in the
header \`x-outpost-loss\` of the answer, and in \`x-outpost-attempts-detail\` where no target was left.

## Essential

The answer would not be what was asked for. The target is skipped before it is tried, and the next one of the chain gets its turn. A
route can say of a target that it is asked [\`without\`](../failover.md#coding-agents) server tools or custom tools instead.

| code | what it means |
| --- | --- |
${table('essential')}

## Advisory

The target is used. What was left out, added or approximated is recorded.

| code | what it means |
| --- | --- |
${table('advisory')}
`;
}

/** Path to text of every generated page. */
export function references(): Readonly<Record<string, string>> {
  return {
    'docs/reference/errors.md': errorsPage(),
    'docs/reference/losses.md': lossesPage(),
    'docs/reference/openapi.json': `${jsonText(openapi())}\n`,
    'docs/reference/providers.md': providersPage(NOTE('src/proxy/upstream/provider-types')),
    'docs/reference/sync.md': syncPage(NOTE('scripts/support/sync-page.md and src/contract/sync')),
  };
}
