// SPDX-License-Identifier: Apache-2.0
// The generated pages of docs/reference, as text. Pure; scripts/docs.ts writes them and a rule compares.

import { ERRORS, type ErrorEntry } from '../../src/contract/errors.ts';

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

/** Path to text of every generated page. */
export function references(): Readonly<Record<string, string>> {
  return { 'docs/reference/errors.md': errorsPage() };
}
