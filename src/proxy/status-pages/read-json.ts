// SPDX-License-Identifier: Apache-2.0
// Readers of the JSON forms of status pages. Pure; what a page says may be anything, so each member is looked at before it is believed.

import { headline, type Reading } from './hint.ts';
import type { StatusPage } from './pages.ts';

type Members = Readonly<Record<string, unknown>>;

function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function listOf(value: unknown): readonly Members[] {
  return Array.isArray(value) ? value.map(membersOf) : [];
}

const INDICATORS: ReadonlyMap<unknown, 'ok' | 'minor' | 'major'> = new Map([
  ['none', 'ok'],
  ['maintenance', 'ok'],
  ['minor', 'minor'],
  ['major', 'major'],
  ['critical', 'major'],
]);

function readStatuspage(document: Members): Reading {
  const { indicator, description } = membersOf(document['status']);
  const level = INDICATORS.get(indicator);
  if (level === undefined) return undefined;
  // Only what is not resolved is in the summary.
  const incident = level === 'ok' ? '' : headline(listOf(document['incidents'])[0]?.['name']);
  return { level, text: incident === '' ? headline(description) : incident };
}

const AGGREGATES: ReadonlyMap<unknown, 'ok' | 'minor' | 'major'> = new Map([
  ['operational', 'ok'],
  ['maintenance', 'ok'],
  ['degraded', 'minor'],
  ['downtime', 'major'],
]);

function readBetterStack(document: Members): Reading {
  const level = AGGREGATES.get(membersOf(membersOf(document['data'])['attributes'])['aggregate_state']);
  if (level === undefined) return undefined;
  const reports = listOf(document['included']).filter(({ type }) => type === 'status_report');
  const open = reports.map(({ attributes }) => membersOf(attributes)).find(({ ends_at: end }) => end === null);
  return { level, text: level === 'ok' ? '' : headline(open?.['title']) };
}

function readGoogle(document: unknown, about: RegExp | undefined): Reading {
  if (!Array.isArray(document)) return undefined;
  const open = listOf(document).filter((incident) => {
    if (typeof incident['end'] === 'string' && incident['end'] !== '') return false;
    const products = listOf(incident['affected_products']).map(({ title }) => headline(title));
    return about === undefined || about.test([headline(incident['service_name']), ...products].join('\n'));
  });
  const worst = open.find(({ severity }) => severity === 'high') ?? open[0];
  if (worst === undefined) return { level: 'ok', text: '' };
  return { level: worst['severity'] === 'high' ? 'major' : 'minor', text: headline(worst['external_desc']) };
}

/** undefined: not JSON, or not of this form. */
export function readJsonPage({ form, about }: StatusPage, text: string): Reading {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (form === 'google') return readGoogle(document, about);
  return form === 'better-stack' ? readBetterStack(membersOf(document)) : readStatuspage(membersOf(document));
}
