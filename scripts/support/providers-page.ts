// SPDX-License-Identifier: Apache-2.0
// docs/reference/providers.md as text, from the table of provider types. Pure.

import { PROVIDER_TYPES, type ProviderType, placedBase, type Spoken } from '../../src/proxy/upstream/provider-types.ts';

type Quirks = NonNullable<Spoken['quirks']>;
type Auth = NonNullable<Spoken['auth']>;

const code = (text: string): string => `\`${text}\``;
const codes = (texts: readonly string[]): string => texts.map(code).join(', ');

const AUTH_WORDS: Readonly<Record<Auth, string>> = {
  bearer: code('Authorization: Bearer'),
  'x-api-key': code('x-api-key'),
  'x-goog-api-key': code('x-goog-api-key'),
  'api-key': code('api-key'),
};

/** Credentials that are no single text. */
const OTHER_CREDENTIALS: Readonly<Partial<Record<ProviderType, string>>> = {
  bedrock: ', or signed with `aws` (Signature Version 4)',
  vertex: ', for a `service_account` a token got with it',
};

/** What a provider of the type must say before the gateway and routes can use it. */
function needsOf(type: ProviderType): string {
  if (PROVIDER_TYPES[type].defaultBaseUrl !== undefined) return '–';
  const probe = { region: 'eu-west-1', project: 'p', location: 'eu' };
  if (placedBase(type, probe) === undefined) return '`base_url`';
  return placedBase(type, { region: probe.region }) === undefined
    ? '`project` and `location`'
    : '`region` or `base_url`';
}

function hostsOf(type: ProviderType): string {
  const { hosts, defaultBaseUrl } = PROVIDER_TYPES[type];
  if (hosts.length > 0) return codes(hosts);
  return defaultBaseUrl === undefined ? 'that of `base_url`' : 'that of `base_url`, unless it is this machine';
}

function quirkWords(quirks: Quirks): readonly string[] {
  const words: string[] = [];
  if (quirks.maxTokensKey !== undefined) words.push(`the limit of tokens is called ${code(quirks.maxTokensKey)}`);
  if (quirks.systemRole !== undefined) words.push(`a system message has the role ${code(quirks.systemRole)}`);
  if (quirks.shortToolIds) words.push('ids of tool calls are made nine letters and digits long');
  if (quirks.jsonSchema === 'json-object') words.push('a JSON schema becomes plain JSON mode');
  if (quirks.jsonSchema === 'none') words.push('no JSON schema');
  if (quirks.noStrictTools) words.push('no `strict` in tools');
  if (quirks.noStreamOptions) words.push('no `stream_options`');
  if (quirks.noParallelTools) words.push('no `parallel_tool_calls`');
  if (quirks.toolChoiceRequired === 'any') words.push('the tool choice `required` is called `any`');
  if (quirks.reasoningKey !== undefined) words.push(`earlier reasoning travels in ${code(quirks.reasoningKey)}`);
  for (const [ours, theirs] of Object.entries(quirks.renames ?? {})) words.push(`${code(ours)} is ${code(theirs)}`);
  if (quirks.noUrls) words.push('no images and documents by URL');
  words.push(...sinceWords('in tools', quirks.toolMembers), ...sinceWords('in cache marks', quirks.cacheMembers));
  if (quirks.refuses !== undefined) words.push(`left out: ${codes(quirks.refuses)}`);
  return words;
}

function sinceWords(where: string, since: Quirks['toolMembers'] = {}): readonly string[] {
  return Object.entries(since).map(([name, version]) => {
    if (version === Infinity) return `no ${code(name)} ${where}`;
    const minor = Math.round((version % 1) * 100);
    return `${code(name)} ${where} from Claude ${Math.trunc(version)}.${minor} on`;
  });
}

function spokenLine(spoken: Spoken, auth: Auth): string {
  const { dialect, generate, stream, countTokens, embed, models, quirks = {} } = spoken;
  const paths = [generate, stream, embed, countTokens].filter((path) => path !== undefined);
  const words = [
    ...(models === undefined ? [] : [`only models that match ${code(String(models))}`]),
    ...(spoken.auth === undefined || spoken.auth === auth ? [] : [`key as ${AUTH_WORDS[spoken.auth]}`]),
    ...quirkWords(quirks),
  ];
  return `- ${code(dialect)}: ${codes(paths)}${words.map((word) => `; ${word}`).join('')}`;
}

function section(type: ProviderType): string {
  const { auth, speaks, impliedSuffixes } = PROVIDER_TYPES[type];
  const endings = impliedSuffixes.length === 0 ? '' : `\n\nA \`base_url\` may also end in ${codes(impliedSuffixes)}.`;
  return `### ${code(type)}

${speaks.map((spoken) => spokenLine(spoken, auth)).join('\n')}${endings}
`;
}

/** @param note the first line, which says where the page comes from */
export function providersPage(note: string): string {
  const types = Object.keys(PROVIDER_TYPES) as ProviderType[];
  const rows = types.map((type) => {
    const { defaultBaseUrl, auth } = PROVIDER_TYPES[type];
    const address = defaultBaseUrl === undefined ? 'none' : code(defaultBaseUrl);
    const credential = `${AUTH_WORDS[auth]}${OTHER_CREDENTIALS[type] ?? ''}`;
    return `| ${code(type)} | ${address} | ${needsOf(type)} | ${hostsOf(type)} | ${credential} |`;
  });
  return `${note}
# Provider types

What \`providers[].type\` stands for ([configuration](configuration.md#providers)). Addresses, paths and departures are taken from the
vendors' own pages and SDKs; which of them were tried on the real service is in [known issues](../../KNOWN-ISSUES.md).

| type | \`base_url\` when absent | needs | hosts | credential sent as |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

*Needs*: without it the provider serves intercepted calls only, and neither the gateway nor routes. *Hosts*: intercepted calls to them
belong to the provider, unless \`hosts\` says others. Without \`base_url\` such a call keeps the host that it was made to, because regions
and resources are part of it (\`eu.api.openai.com\` stays in the EU). \`api_key: none\` sends no credential at all.

## What each speaks

The wire protocols that a type takes without translation, with their paths below the base URL. When a call fails over, a target that
speaks the caller's protocol gets the caller's bytes; any other gets a translation into the first protocol of its list that fits its
model. Embeddings and counts of tokens are never translated.

What follows a path is how the service departs from the protocol. Outpost acts on it in calls that it hands to another provider than the
one that the app addressed; calls to the addressed provider stay as they are. What is left out so is named in \`x-outpost-loss\`, and a
target that would lose something essential is skipped.

${types.map(section).join('\n')}`;
}
