// SPDX-License-Identifier: Apache-2.0
// What each tool needs to go through Outpost, as data. Source: the measured trust matrix (clients times variables), where a
// variable is listed only if the client was seen to honour it.

/** One thing that a variable does; `lower` has a lower-case twin, which some tools read alone (wget, curl for plain http). */
export interface Variable {
  readonly name: string;
  readonly value: 'proxy' | 'exceptions' | 'one' | 'ca' | 'bundle' | `/${string}`;
  readonly lower?: true;
  readonly why: string;
}

const PROXY = [
  { name: 'HTTPS_PROXY', value: 'proxy', lower: true, why: 'Sends https connections through Outpost.' },
  { name: 'HTTP_PROXY', value: 'proxy', lower: true, why: 'Sends plain http through Outpost.' },
  {
    name: 'NO_PROXY',
    value: 'exceptions',
    lower: true,
    why: 'Servers on this machine and on the local network are reached directly.',
  },
] as const satisfies readonly Variable[];

const NODE_CA: Variable = {
  name: 'NODE_EXTRA_CA_CERTS',
  value: 'ca',
  why: 'Adds Outpost’s certificate to those that Node programs trust.',
};
const NODE_PROXY: Variable = { name: 'NODE_USE_ENV_PROXY', value: 'one', why: 'Node 24 ignores the proxy without it.' };

const bundle = (name: string, who: string): Variable => ({
  name,
  value: 'bundle',
  why: `The certificates that ${who} trusts: the system’s and Outpost’s.`,
});
const SSL_CERT_FILE = bundle('SSL_CERT_FILE', 'Python’s standard library, Ruby and curl');
const REQUESTS = bundle('REQUESTS_CA_BUNDLE', 'Python’s requests');
const PIP = bundle('PIP_CERT', 'pip');
const CURL = bundle('CURL_CA_BUNDLE', 'curl');
const GIT = bundle('GIT_SSL_CAINFO', 'git');
const CODEX = bundle('CODEX_CA_CERTIFICATE', 'codex');

const base = (name: string, path: `/${string}`): Variable => ({
  name,
  value: path,
  why: 'Base URL for programs that ignore the proxy; needs no certificate.',
});
/** Only those that the vendors' libraries were seen to read. */
const BASE_URLS: readonly Variable[] = [
  base('OPENAI_BASE_URL', '/openai/v1'),
  base('ANTHROPIC_BASE_URL', '/anthropic'),
  base('GOOGLE_GEMINI_BASE_URL', '/gemini'),
  base('GROQ_BASE_URL', '/groq'),
];
const OLLAMA = base('OLLAMA_HOST', '/ollama');

/** Without a tool: everything that does no harm to another. */
export const GENERAL: readonly Variable[] = [
  ...PROXY,
  NODE_PROXY,
  NODE_CA,
  SSL_CERT_FILE,
  REQUESTS,
  CURL,
  PIP,
  GIT,
  CODEX,
  ...BASE_URLS,
];

export interface Tool {
  readonly variables: readonly Variable[];
  readonly notes?: readonly string[];
}

export const TOOLS: ReadonlyMap<string, Tool> = new Map<string, Tool>([
  ['claude-code', { variables: [...PROXY, NODE_CA] }],
  ['codex', { variables: [...PROXY, CODEX] }],
  [
    'gemini-cli',
    {
      variables: [...PROXY, NODE_CA],
      notes: ['No base URL: with GOOGLE_GEMINI_BASE_URL it stops unless security.auth.selectedType is set.'],
    },
  ],
  ['opencode', { variables: [...PROXY, NODE_CA] }],
  ['copilot', { variables: [...PROXY, NODE_CA] }],
  ['curl', { variables: [...PROXY, CURL] }],
  ['git', { variables: [...PROXY, GIT] }],
  ['python', { variables: [...PROXY, SSL_CERT_FILE, REQUESTS, PIP, ...BASE_URLS] }],
  [
    'node',
    {
      variables: [...PROXY, NODE_PROXY, NODE_CA, ...BASE_URLS],
      notes: ['Node 20 and 22 ignore the proxy; there only the base URLs work.'],
    },
  ],
  [
    'ollama',
    {
      variables: [OLLAMA],
      notes: ['For the client only: `ollama serve` reads the same variable as the address to listen on.'],
    },
  ],
]);
