// SPDX-License-Identifier: Apache-2.0
// What notices say and where they lead. Pure; when they are shown is notices.ts's business.

import type { AgentState, HealthItem } from '../contract/local-api.ts';
import type { Words } from '../strings/catalogue.ts';
import { blockedReason, hashOfCall } from './blocked-reason.ts';
import { BODY, LINE, menuText, NAME } from './menu-text.ts';
import type { Trouble } from './provider-trouble.ts';
import type { Notice } from './shapes.ts';

const name = (text: string): string => menuText(text, NAME);

function notice(id: string, title: string, body: string, hash: string): Notice {
  return { id, title: menuText(title, LINE), body: menuText(body, BODY), command: { do: 'open', hash } };
}

/** @param count since the last time, at least 1 */
export function blockedNotice({ activity }: AgentState, count: number, words: Words): Notice {
  const { notice: said, someApp } = words.tray;
  const last = activity.find(({ decision }) => decision === 'blocked');
  const app = name(last?.app ?? '') || someApp;
  const reason = last === undefined ? words.tray.blockedReason : blockedReason(last, words);
  if (count > 1) return notice('blocked', said.blockedMany(count), said.blockedLast(app, reason), '#/activity');
  const model = last?.model === undefined ? undefined : name(last.model);
  const hash = last === undefined ? '#/activity' : hashOfCall(last.id);
  return notice('blocked', said.blockedOne(app), said.blockedText(reason, model), hash);
}

/** @param out new troubles @param back providers that answer again; together at least one */
export function providersNotice(out: readonly Trouble[], back: readonly string[], words: Words): Notice {
  const { notice: said } = words.tray;
  const count = out.length + back.length;
  const [first] = out;
  if (count > 1) {
    const list = (names: readonly string[]): string => menuText(names.map(name).join(', '), LINE);
    const body = said.providersList(list(out.map(({ instead }) => instead)), list(back));
    return notice('providers', said.providersMany(count), body, '#/');
  }
  if (first === undefined) {
    return notice('providers', said.fallbackEnded(name(back[0] ?? '')), said.fallbackEndedText, '#/');
  }
  const body = first.using === undefined ? said.fallbackNone : said.fallbackText(name(first.using));
  return notice('providers', said.fallbackBegan(name(first.instead)), body, '#/');
}

/** @param items at least one */
export function healthNotice(items: readonly HealthItem[], words: Words): Notice {
  const said = items.map((item) => words.daemon.health(item));
  const [first] = said;
  if (first !== undefined && said.length === 1) return notice('health', first.title, first.text, '#/');
  const titles = said.map(({ title }) => title).join('. ');
  return notice('health', words.tray.notice.healthMany(said.length), titles, '#/');
}
