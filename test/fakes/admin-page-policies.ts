// SPDX-License-Identifier: Apache-2.0
// The policy of the invented organisation: its versions, what one changes, and what it would have done.

import type { AnswerOf } from '../../src/renderer/admin/client/admin-client.ts';
import { hex } from './admin-page-data.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type Version = AnswerOf<'policy'>;

const CONFIG = `# What every laptop of Acme does with AI services.
organisation: { grace_days: 14, on_expired: enforce }

providers:
  - name: openai-eu
    type: openai
    api_key: secret:openai-eu
  - name: anthropic
    type: anthropic

hosts:
  - host: chat.deepseek.com
    action: block
  - host: login.microsoftonline.com
    action: header
    headers:
      Restrict-Access-To-Tenants: acme.example

models:
  allow: ["gpt-*", "claude-*"]
  deny: ["*-preview"]

apps:
  - app: claude-code
    action: allow
  - exe: /tmp/*
    action: block
    message: Programs in /tmp may not use AI services.

catalogue: hosts.csv
audit: { level: standard, retention_days: 90 }
`;
const FILES = { 'hosts.csv': 'host,kind,owner\nchat.deepseek.com,chat,DeepSeek\nclaude.ai,chat,Anthropic\n' };

export function fakeVersion(version: number, now: number, part: Partial<Version> = {}): Version {
  const published = now - (17 - version) * 3 * DAY;
  return {
    version,
    state: 'replaced',
    note: 'Blocks preview models',
    author: 'user:grace',
    approver: 'user:alan',
    created: published - 2 * HOUR,
    published,
    restores: null,
    stage: 100,
    stage_since: published,
    halt_reason: null,
    sha256: hex(version, 64),
    config: CONFIG,
    files: FILES,
    ...part,
  };
}

export function fakeVersions(now: number): Version[] {
  const open = { published: null, stage: 0, stage_since: null, sha256: null };
  return [
    fakeVersion(16, now, {
      ...open,
      state: 'draft',
      author: 'user:admin',
      approver: null,
      note: 'Gemini for research',
    }),
    fakeVersion(15, now, { ...open, state: 'proposed', approver: null, note: 'Tenant restriction for Microsoft 365' }),
    fakeVersion(14, now, { ...open, state: 'withdrawn', author: 'user:alan', approver: null, note: 'Not needed' }),
    fakeVersion(13, now, {
      state: 'rolling',
      stage: 10,
      published: now - 5 * HOUR,
      stage_since: now - 90 * MINUTE,
      note: 'EU address for OpenAI, key from the secrets of the organisation',
    }),
    fakeVersion(12, now, { state: 'active' }),
    fakeVersion(11, now, { restores: 9, note: 'as version 9', author: 'system', approver: null }),
    fakeVersion(10, now, { state: 'halted', halt_reason: '7 of 120 devices refuse the version', stage: 1 }),
    fakeVersion(9, now, {}),
  ];
}

export const DIFF: AnswerOf<'diffPolicy'> = {
  against: 12,
  texts: [
    {
      name: '',
      hunks: [
        {
          old_start: 18,
          new_start: 18,
          lines: [
            { kind: 'same', text: 'models:' },
            { kind: 'removed', text: '  allow: ["gpt-*"]' },
            { kind: 'added', text: '  allow: ["gpt-*", "claude-*"]' },
            { kind: 'same', text: '  deny: ["*-preview"]' },
          ],
        },
        { old_start: 29, new_start: 29, lines: [{ kind: 'added', text: 'catalogue: hosts.csv' }] },
      ],
    },
    { name: 'hosts.csv', hunks: [] },
  ],
};

export function fakeDryRun(now: number): AnswerOf<'dryRun'> {
  return {
    rows: 3_410,
    would_block: 12,
    would_allow: 4,
    unknown: 31,
    truncated: true,
    from: now - 7 * DAY,
    by_rule: [
      { rule: 'models.deny', change: 'block', rows: 9 },
      { rule: '', change: 'block', rows: 3 },
      { rule: 'hosts[0]', change: 'allow', rows: 4 },
    ],
    examples: [89_997, 89_991, 89_985],
  };
}
