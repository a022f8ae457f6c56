// SPDX-License-Identifier: Apache-2.0
// What the tray shows, as a pure function of what is known. Nothing is only here: every fact of the menu is in the window as well, since
// some desktops show no tray at all. docs: ARCHITECTURE.md, "Tray and window".

import { summarise } from '../client/summary.ts';
import type { AgentState } from '../contract/local-api.ts';
import { ACTIVITY_LIMIT } from '../contract/local-api-constants.ts';
import type { Words } from '../strings/catalogue.ts';
import { blockedReason, hashOfCall } from './blocked-reason.ts';
import { LINE, menuText, NAME, TOOLTIP } from './menu-text.ts';
import { troublesOf } from './provider-trouble.ts';
import type { Command, IconShape, Known, MenuLine, TrayView } from './shapes.ts';
import type { TrayFormat } from './tray-format.ts';

/** Calls of the submenu. */
const BLOCKED_SHOWN = 3;
/** Names of providers in one sentence. */
const NAMES_SHOWN = 2;

interface Status {
  readonly icon: IconShape;
  readonly text: string;
}

const SEPARATOR: MenuLine = { kind: 'separator' };
const note = (label: string): MenuLine => ({ kind: 'text', label: menuText(label) });
const command = (label: string, what: Command): MenuLine => ({
  kind: 'command',
  label: menuText(label),
  command: what,
});
const open = (label: string, hash: string): MenuLine => command(label, { do: 'open', hash });
const name = (text: string): string => menuText(text, NAME);

/** Apps of today, or, where the calls that are kept do not reach back so far, since when they do. */
function protectedText({ activity, started_at }: AgentState, now: number, words: Words, format: TrayFormat): string {
  const today = activity.filter(({ at }) => format.sameDay(at, now));
  const apps = new Set(today.flatMap(({ app }) => app ?? []));
  const since = activity.length < ACTIVITY_LIMIT ? started_at : (activity.at(-1)?.at ?? started_at);
  return words.tray.status.protected(apps.size, format.sameDay(since, now) ? format.when(since, now) : undefined);
}

function troubleText(state: AgentState, { tray: { status } }: Words): string | undefined {
  const troubles = troublesOf(state);
  const [first] = troubles;
  if (first === undefined) return undefined;
  const replaced = troubles.filter(({ using }) => using !== undefined);
  const [one] = replaced;
  if (one?.using !== undefined && replaced.length === troubles.length)
    return replaced.length === 1
      ? status.fallback(name(one.using), name(one.instead))
      : status.fallbacks(replaced.length);
  const nobody = troubles.filter(({ using }) => using === undefined);
  const names = nobody.slice(0, NAMES_SHOWN).map(({ instead }) => name(instead));
  const more = nobody.length > NAMES_SHOWN ? ' …' : '';
  return nobody.some(({ routed }) => routed)
    ? status.outOfRoutes(names.join(', ') + more)
    : status.providersOut(names.join(', ') + more);
}

function statusOf({ link, state }: Known, now: number, words: Words, format: TrayFormat): Status {
  const { status } = words.tray;
  if (link.kind === 'lost' && link.host?.phase === 'incompatible')
    return { icon: 'attention', text: status.incompatible };
  if (link.kind === 'lost' && link.host?.phase === 'gave-up') return { icon: 'blocked', text: status.gaveUp };
  const { shape, text } = summarise(link, state, words);
  if (shape === 'waiting') return { icon: 'syncing', text };
  if (state === undefined || link.kind !== 'live') return { icon: shape, text };
  if (shape === 'blocked') return { icon: shape, text: state.offline ? status.offline : text };
  const trouble = troubleText(state, words);
  if (trouble !== undefined) return { icon: 'attention', text: trouble };
  return { icon: shape, text: shape === 'ok' ? protectedText(state, now, words, format) : text };
}

function blockedLines(state: AgentState, now: number, words: Words, format: TrayFormat): readonly MenuLine[] {
  return state.activity
    .filter(({ decision }) => decision === 'blocked')
    .slice(0, BLOCKED_SHOWN)
    .map((call) => {
      const app = name(call.app ?? '') || words.tray.someApp;
      const label = words.tray.blockedCall(format.when(call.at, now), app, blockedReason(call, words));
      return open(label, hashOfCall(call.id));
    });
}

function organisationLine({ organisation }: AgentState, { tray }: Words): readonly MenuLine[] {
  if (organisation === undefined) return [];
  const { org, phase } = organisation;
  return [note(tray.organisation(name(org), phase === 'fresh' ? undefined : tray.phase[phase]))];
}

function helpLine({ support }: AgentState, { tray }: Words): readonly MenuLine[] {
  if (support === undefined) return [];
  const label = support.label === undefined ? tray.help : tray.helpOf(name(support.label));
  return [command(label, { do: 'browse', url: support.url })];
}

/** Is there anything that Start could do? */
function canStart({ link }: Known): boolean {
  const phase = link.kind === 'lost' ? link.host?.phase : undefined;
  return phase === 'down' || phase === 'waiting' || phase === 'gave-up';
}

function quitLabel({ link, keeper }: Known, { tray: { quit } }: Words): string {
  // Also one that does not answer, or not yet.
  if (keeper === 'child') return quit.ends;
  const incompatible = link.kind === 'lost' && link.host?.phase === 'incompatible';
  return link.kind === 'live' || incompatible ? quit.goesOn : quit.down;
}

function versionLine({ link, otherVersion }: Known, { tray }: Words): readonly MenuLine[] {
  if (link.kind !== 'live' || otherVersion === undefined) return [];
  return [note(tray.otherVersion[otherVersion.older](name(otherVersion.version)))];
}

/** @param now wall time */
export function trayView(known: Known, now: number, words: Words, format: TrayFormat): TrayView {
  const { tray } = words;
  const { link, state, warnings } = known;
  const { icon, text } = statusOf(known, now, words, format);
  // What was wrong before it went says nothing now.
  const counted = link.kind === 'live' && state !== undefined ? state.health : warnings;
  const blocked = state === undefined ? [] : blockedLines(state, now, words, format);
  const menu: readonly MenuLine[] = [
    note(text),
    ...(counted.length === 0 ? [] : [open(tray.warnings(counted.length), '#/')]),
    ...versionLine(known, words),
    ...(state === undefined ? [] : organisationLine(state, words)),
    ...(canStart(known) ? [command(tray.start, { do: 'start' })] : []),
    SEPARATOR,
    open(tray.open, '#/'),
    ...(blocked.length === 0 ? [] : [{ kind: 'submenu', label: tray.blocked, lines: blocked } as const]),
    open(tray.recorded, '#/recorded'),
    open(tray.diagnostics, '#/diagnostics'),
    ...(state === undefined ? [] : helpLine(state, words)),
    open(tray.about, '#/about'),
    SEPARATOR,
    command(quitLabel(known, words), { do: 'quit' }),
  ];
  return { icon, tooltip: menuText(tray.tooltip(menuText(text, LINE)), TOOLTIP), menu };
}
