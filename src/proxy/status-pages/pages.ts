// SPDX-License-Identifier: Apache-2.0
// The providers' official status pages and the form of each. A table of data; knows nothing of fetching.
//
// Checked in October 2026 against several public programs that read these addresses. Left out, since no public form was found that is
// meant for programs: Mistral (Checkly), OpenRouter (its feed answers 403 since it moved to Datadog), Databricks. Nebius and Perplexity
// are less sure than the rest; a page that has moved shows as `unknown`, which does nothing.

export type PageForm =
  /** Atlassian Statuspage, and incident.io in the same form: `/api/v2/summary.json`. */
  | 'statuspage'
  /** Better Stack: `/index.json`. */
  | 'better-stack'
  /** Google Cloud's `incidents.json`. */
  | 'google'
  /** RSS or Atom with one entry an incident. */
  | 'feed';

export interface StatusPage {
  readonly form: PageForm;
  readonly url: string;
  /** For people. */
  readonly page: string;
  /** Where one page speaks of many products: only incidents whose title or products say this. */
  readonly about?: RegExp;
}

const statuspage = (host: string): StatusPage => ({
  form: 'statuspage',
  url: `https://${host}/api/v2/summary.json`,
  page: `https://${host}/`,
});

const betterStack = (host: string): StatusPage => ({
  form: 'better-stack',
  url: `https://${host}/index.json`,
  page: `https://${host}/`,
});

const GOOGLE: StatusPage = {
  form: 'google',
  url: 'https://status.cloud.google.com/incidents.json',
  page: 'https://status.cloud.google.com/',
  about: /gemini|vertex/i,
};

const PAGES: Readonly<Record<string, StatusPage>> = {
  openai: statuspage('status.openai.com'),
  anthropic: statuspage('status.claude.com'),
  gemini: GOOGLE,
  vertex: GOOGLE,
  azure: {
    form: 'feed',
    url: 'https://rssfeed.azure.status.microsoft/en-us/status/feed/',
    page: 'https://azure.status.microsoft/',
    about: /openai|foundry|cognitive services/i,
  },
  cohere: statuspage('status.cohere.com'),
  groq: statuspage('groqstatus.com'),
  xai: { form: 'feed', url: 'https://status.x.ai/feed.xml', page: 'https://status.x.ai/', about: /\bAPI\b/ },
  deepseek: {
    form: 'feed',
    url: 'https://status.deepseek.com/history.rss',
    page: 'https://status.deepseek.com/',
  },
  together: betterStack('status.together.ai'),
  fireworks: statuspage('status.fireworks.ai'),
  cerebras: statuspage('status.cerebras.ai'),
  perplexity: statuspage('status.perplexity.com'),
  nebius: statuspage('status.nebius.com'),
  huggingface: betterStack('status.huggingface.co'),
};

/** undefined: the provider has no page that programs can read. @param region Bedrock's; its pages are one a region. */
export function statusPageOf(type: string, region?: string): StatusPage | undefined {
  if (type !== 'bedrock') return Object.hasOwn(PAGES, type) ? PAGES[type] : undefined;
  if (region === undefined || !/^[a-z]{2}(?:-[a-z]+)+-\d$/.test(region)) return undefined;
  return {
    form: 'feed',
    url: `https://status.aws.amazon.com/rss/bedrock-${region}.rss`,
    page: 'https://health.aws.amazon.com/health/status',
  };
}

const FEED = /\.(?:rss|atom|xml)$|\/(?:feed|rss)\/?$/i;

/**
 * A page that the configuration names: a feed, the JSON of a Better Stack page, else a Statuspage, by its document or by the address
 * that people read. @param address an http or https URL without a query
 */
export function ownStatusPage(address: string): StatusPage {
  const { origin, pathname } = new URL(address);
  const page = `${origin}/`;
  if (FEED.test(pathname)) return { form: 'feed', url: address, page };
  if (pathname.endsWith('/index.json')) return { form: 'better-stack', url: address, page };
  if (pathname.endsWith('.json')) return { form: 'statuspage', url: address, page };
  return { form: 'statuspage', url: `${address.replace(/\/+$/, '')}/api/v2/summary.json`, page: address };
}
