// SPDX-License-Identifier: Apache-2.0
// What each form of status page is understood to say, and that hostile ones say nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headline } from './hint.ts';
import { ownStatusPage, type StatusPage, statusPageOf } from './pages.ts';
import { readFeed } from './read-feed.ts';
import { readJsonPage } from './read-json.ts';

const NOW = Date.UTC(2030, 0, 2, 12);
const HOUR_AGO = new Date(NOW - 3_600_000);

function pageOf(type: string): StatusPage {
  const page = statusPageOf(type);
  assert.ok(page);
  return page;
}

const json = (type: string, value: unknown) => readJsonPage(pageOf(type), JSON.stringify(value));

test('Statuspage: the indicator is the level, the first open incident the headline', () => {
  const summary = (indicator: string, ...names: readonly string[]) => ({
    status: { indicator, description: 'Words' },
    incidents: names.map((name) => ({ name, status: 'investigating' })),
  });
  assert.deepEqual(json('openai', summary('none')), { level: 'ok', text: 'Words' });
  assert.deepEqual(json('openai', summary('maintenance')), { level: 'ok', text: 'Words' });
  assert.deepEqual(json('openai', summary('minor', 'Slow', 'Other')), { level: 'minor', text: 'Slow' });
  assert.deepEqual(json('anthropic', summary('major')), { level: 'major', text: 'Words' });
  assert.deepEqual(json('anthropic', summary('critical', 'Down')), { level: 'major', text: 'Down' });
});

test('Better Stack: the state of the page, and the report that has no end', () => {
  const index = (state: string) => ({
    data: { attributes: { aggregate_state: state } },
    included: [
      { type: 'status_report', attributes: { title: 'Old', ends_at: '2029-01-01T00:00:00Z' } },
      { type: 'status_page_resource', attributes: { title: 'Resource' } },
      { type: 'status_report', attributes: { title: 'New', ends_at: null } },
    ],
  });
  assert.deepEqual(json('together', index('operational')), { level: 'ok', text: '' });
  assert.deepEqual(json('together', index('degraded')), { level: 'minor', text: 'New' });
  assert.deepEqual(json('huggingface', index('downtime')), { level: 'major', text: 'New' });
});

test('Google Cloud: only open incidents of the products in question', () => {
  const incident = (title: string, severity: string, end?: string) => ({
    affected_products: [{ title: 'Cloud SQL' }, { title }],
    severity,
    external_desc: `About ${title}`,
    ...(end === undefined ? {} : { end }),
  });
  assert.deepEqual(json('gemini', []), { level: 'ok', text: '' });
  assert.deepEqual(json('gemini', [incident('Cloud Run', 'high')]), { level: 'ok', text: '' });
  assert.deepEqual(json('gemini', [incident('Vertex Gemini API', 'high', '2029-01-01')]), { level: 'ok', text: '' });
  assert.deepEqual(json('vertex', [incident('Vertex AI', 'low'), incident('Vertex Gemini API', 'high')]), {
    level: 'major',
    text: 'About Vertex Gemini API',
  });
  assert.deepEqual(json('vertex', [incident('Vertex AI', 'medium')]), { level: 'minor', text: 'About Vertex AI' });
});

test('what is no such document is not believed', () => {
  for (const type of ['openai', 'together', 'gemini'])
    for (const text of [
      '',
      '<html>',
      'null',
      '"x"',
      '5',
      '{}',
      '{"status":null}',
      '{"status":{"indicator":"fine"}}',
      '{"data":[]}',
    ])
      assert.equal(readJsonPage(pageOf(type), text), undefined, `${type} ${text}`);
  assert.equal(json('openai', []), undefined);
  assert.equal(json('openai', { status: { indicator: 'constructor' } }), undefined);
  assert.deepEqual(json('openai', { status: { indicator: 'minor', description: {} }, incidents: [5, null] }), {
    level: 'minor',
    text: '',
  });
  assert.deepEqual(json('gemini', [null, 5, { affected_products: 'Vertex' }]), { level: 'ok', text: '' });
});

const item = (title: string, description: string, date: Date = HOUR_AGO) =>
  `<item><title>${title}</title><description>${description}</description><pubDate>${date.toUTCString()}</pubDate></item>`;
const rss = (...items: readonly string[]) =>
  `<?xml version="1.0"?><rss version="2.0"><channel><title>History</title>${items.join('')}</channel></rss>`;
const statusOf = (text: string, about?: RegExp) => readFeed(text, about, NOW);

test('a feed without open incidents is fine', () => {
  assert.deepEqual(statusOf(rss()), { level: 'ok', text: '' });
  for (const over of [
    item(
      'Slow',
      '<![CDATA[<p><small>Aug 28</small><br/><strong>RESOLVED</strong> - Done. <strong>Investigating</strong> - We look.</p>]]>',
    ),
    item('Slow', '&lt;b&gt;Status: Resolved&lt;/b&gt;&lt;br/&gt;This was investigated.'),
    item('Slow', '<![CDATA[<strong>Status:</strong> resolved <strong>Affected</strong>]]>'),
    item('Maintenance', '<![CDATA[<strong>Scheduled</strong> - Tonight.]]>'),
    item('[RESOLVED] Service disruption', 'We fixed it.'),
    item('Service is operating normally: Errors', 'Between ...'),
    item('Outage', 'We look at it.', new Date(NOW - 25 * 3_600_000)),
    '<item><title>Outage without a date</title></item>',
  ])
    assert.deepEqual(statusOf(rss(over)), { level: 'ok', text: '' }, over);
});

test('an open incident is told by the newest update, the worst one by title or severity', () => {
  const open = item(
    'Elevated errors',
    '<![CDATA[<strong>Update</strong> - More. <strong>Resolved</strong> - Not really.]]>',
  );
  assert.deepEqual(statusOf(rss(open)), { level: 'minor', text: 'Elevated errors' });
  assert.deepEqual(statusOf(rss(open, item('API outage', 'Status: Investigating'))), {
    level: 'major',
    text: 'API outage',
  });
  assert.deepEqual(statusOf(rss(item('Partial outage', 'Status: Identified'))), {
    level: 'minor',
    text: 'Partial outage',
  });
  const severe = item('[API] Models', '<![CDATA[<h3>Status: ACTIVE</h3><p>Severity: outage</p>]]>');
  assert.deepEqual(statusOf(rss(severe)), { level: 'major', text: '[API] Models' });
});

test('Atom is read like RSS', () => {
  const feed = `<feed xmlns="http://www.w3.org/2005/Atom"><title>Status</title>
    <entry><id>1</id><title type="html"><![CDATA[Errors & more]]></title><updated>${HOUR_AGO.toISOString()}</updated>
    <content type="html">&lt;p&gt;&lt;strong&gt;Investigating&lt;/strong&gt; - We look.&lt;/p&gt;</content></entry></feed>`;
  assert.deepEqual(statusOf(feed), { level: 'minor', text: 'Errors & more' });
});

test('of a page about many products only the ones in question count', () => {
  const { about } = pageOf('azure');
  assert.deepEqual(statusOf(rss(item('Storage in West Europe', 'Errors')), about), { level: 'ok', text: '' });
  assert.equal(statusOf(rss(item('Azure OpenAI in West Europe', 'Errors')), about)?.level, 'minor');
  assert.deepEqual(statusOf(rss(item('[Grok (Web)] Models outage', 'Status: ACTIVE')), pageOf('xai').about), {
    level: 'ok',
    text: '',
  });
});

test('what is no feed says nothing', () => {
  for (const text of ['', '<!DOCTYPE html><html><body>Just a moment</body></html>', '{"a":1}', '<rssx>'])
    assert.equal(statusOf(text), undefined, text);
});

test('hostile feeds: no entity is expanded, and time does not grow with nesting', () => {
  const bomb = `<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]>${rss(
    item('&b;&x; &#65;&#x42;&lt;&#1114112;&constructor;', 'Status: Investigating'),
  )}`;
  // No entity of the document's own; numbers beyond Unicode stay as they are; tags that entities spell are tags.
  assert.equal(statusOf(bomb)?.text, '&b;&x; AB');
  const pieces = [
    '<item>',
    '<item><title>',
    '<title',
    '<![CDATA[',
    '&#x',
    '&lt;',
    '<item></item>',
    '</item>',
    '<entry ',
    '<',
  ];
  for (const piece of pieces) {
    const text = `<rss>${piece.repeat(Math.floor(1_048_576 / piece.length))}`;
    assert.deepEqual(statusOf(text), { level: 'ok', text: '' }, piece);
  }
});

test('a headline is one short line of visible text', () => {
  assert.equal(headline(' a\r\n\tb\u0000\u001b[31mc\u202e\u200bd\ue000 '), 'a b [31mc d');
  assert.equal(headline(5), '');
  assert.equal(headline('\ud83d\ude00'.repeat(300)), '\ud83d\ude00'.repeat(200));
  assert.equal(headline(`${'x'.repeat(799)}\ud83d\ude00`), 'x'.repeat(200));
  assert.equal(headline('\ud800'), '\ufffd');
});

test('a type has at most one page, all are https, and regions cannot leave their place', () => {
  for (const type of ['openai', 'anthropic', 'azure', 'groq', 'xai', 'deepseek', 'together', 'huggingface'])
    assert.match(pageOf(type).url, /^https:\/\//);
  for (const type of ['ollama', 'openai-compatible', 'constructor', '__proto__'])
    assert.equal(statusPageOf(type), undefined);
  assert.equal(statusPageOf('bedrock'), undefined);
  assert.equal(
    statusPageOf('bedrock', 'us-gov-west-1')?.url,
    'https://status.aws.amazon.com/rss/bedrock-us-gov-west-1.rss',
  );
  assert.equal(statusPageOf('bedrock', '../x'), undefined);
});

test('the address of a page of one’s own says its form', () => {
  const summary = 'https://status.corp.example/api/v2/summary.json';
  for (const [address, form, url, page] of [
    ['https://status.corp.example', 'statuspage', summary, 'https://status.corp.example'],
    ['https://status.corp.example/', 'statuspage', summary, 'https://status.corp.example/'],
    [summary, 'statuspage', summary, 'https://status.corp.example/'],
    ['https://a.example/index.json', 'better-stack', 'https://a.example/index.json', 'https://a.example/'],
    ['https://a.example/x/history.rss', 'feed', 'https://a.example/x/history.rss', 'https://a.example/'],
    ['https://a.example/feed/', 'feed', 'https://a.example/feed/', 'https://a.example/'],
    ['http://127.0.0.1:81/feed.xml', 'feed', 'http://127.0.0.1:81/feed.xml', 'http://127.0.0.1:81/'],
  ]) {
    assert.deepEqual(ownStatusPage(address ?? ''), { form, url, page });
  }
});
