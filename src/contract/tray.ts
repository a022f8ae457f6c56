// SPDX-License-Identifier: Apache-2.0
// What crosses between the tray's process and its window: the map of all channels with a schema on each end, and the preferences. The
// daemon knows nothing of it. docs: ARCHITECTURE.md, "Tray and window".

import * as z from 'zod/mini';
import { agentState, doctorCheck, doctorReport, recordedView } from './local-api.ts';
import type { HEALTH_ACTIONS } from './local-api-constants.ts';
import { callDetail, callsPage, callsQuery, usageReport } from './local-history.ts';

const short = z.string().check(z.maxLength(256));
const instant = z.int();

/** What a window or page may ask to be done about a warning by itself; the others are done in the page. */
export const ACTIONS = ['sync', 'start'] as const satisfies readonly (typeof HEALTH_ACTIONS)[number][];
export type Action = (typeof ACTIONS)[number];

/** What is known of the daemon while it does not answer; `docs` of the states: ARCHITECTURE.md, "The daemon's life". */
export const hostState = z.strictObject({
  /** `service`: installed, kept alive by the system. `child`: the tray's own. */
  host: z.enum(['service', 'child']),
  phase: z.enum(['looking', 'starting', 'waiting', 'down', 'gave-up', 'incompatible']),
  /** When it is tried next. */
  next_try: z.optional(instant),
  /** The last unexpected end, for people. No path, no secret. */
  reason: z.optional(short),
});
export type HostState = Readonly<z.infer<typeof hostState>>;

export const link = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('connecting') }),
  z.strictObject({ kind: z.literal('live') }),
  /** The daemon does not answer; it is asked again and again. `host`: what the tray does about it; absent in a browser. */
  z.strictObject({ kind: z.literal('lost'), since: instant, host: z.optional(hostState) }),
  /** The session is over: only a new address from the terminal helps. Browser only. */
  z.strictObject({ kind: z.literal('signed-out') }),
  /** The daemon speaks another version of the local API. */
  z.strictObject({ kind: z.literal('outdated') }),
]);
export type Link = Readonly<z.infer<typeof link>>;

export const LANGUAGES = ['en', 'de'] as const;
export const THEMES = ['system', 'light', 'dark'] as const;

/** The person's own choices; kept by the tray, or by the browser. */
export const preferences = z.strictObject({
  language: z.enum(['system', ...LANGUAGES]),
  theme: z.enum(THEMES),
  notifications: z.boolean(),
  /** Of the tray; the daemon is the system's business. */
  open_at_login: z.boolean(),
});
export type Preferences = Readonly<z.infer<typeof preferences>>;
export const DEFAULT_PREFERENCES: Preferences = {
  language: 'system',
  theme: 'system',
  notifications: true,
  open_at_login: true,
};

export const about = z.strictObject({
  /** Of tray and window; absent in a browser, where the daemon's own page is shown. */
  tray_version: z.optional(short),
  /** Of the runtime, name and version. */
  runtime: z.array(z.strictObject({ name: short, version: short })).check(z.maxLength(8)),
  /** `service` or `child`: who keeps the daemon alive. Absent: not known here. */
  host: z.optional(z.enum(['service', 'child'])),
  /** The preferences that this surrounding can keep. */
  settable: z.array(z.enum(['language', 'theme', 'notifications', 'open_at_login'])),
});
export type About = Readonly<z.infer<typeof about>>;

/** What can be saved to a file: the rows of the log (JSON lines), or the support bundle (zip). */
export const SAVES = ['rows', 'support-bundle'] as const;
export const saved = z.discriminatedUnion('kind', [
  /** `path`: where it lies; absent in a browser, which says so itself. */
  z.strictObject({ kind: z.literal('saved'), path: z.optional(z.string().check(z.maxLength(4_096))) }),
  z.strictObject({ kind: z.literal('cancelled') }),
  z.strictObject({ kind: z.literal('failed'), reason: z.string().check(z.maxLength(1_024)) }),
]);
export type Saved = Readonly<z.infer<typeof saved>>;

const done = z.strictObject({ ok: z.boolean(), reason: z.optional(z.string().check(z.maxLength(1_024))) });
export type Done = Readonly<z.infer<typeof done>>;

/** The language and theme that hold, after the system was asked. */
export const surroundings = z.strictObject({
  language: z.enum(LANGUAGES),
  preferences,
});
export type Surroundings = Readonly<z.infer<typeof surroundings>>;

const nothing = z.strictObject({});

/** Window asks, tray answers. Each name is a channel `outpost:NAME`. */
export const REQUESTS = {
  surroundings: { ask: nothing, answer: surroundings },
  prefer: { ask: preferences, answer: surroundings },
  about: { ask: nothing, answer: about },
  watch: { ask: nothing, answer: nothing },
  retry: { ask: nothing, answer: nothing },
  recorded: { ask: nothing, answer: recordedView },
  usage: { ask: nothing, answer: usageReport },
  calls: { ask: callsQuery, answer: callsPage },
  call: { ask: z.strictObject({ id: short }), answer: z.strictObject({ call: z.optional(callDetail) }) },
  doctor: { ask: nothing, answer: doctorReport },
  act: { ask: z.strictObject({ action: z.enum(ACTIONS) }), answer: done },
  save: { ask: z.strictObject({ what: z.enum(SAVES) }), answer: saved },
  copy: { ask: z.strictObject({ text: z.string().check(z.maxLength(65_536)) }), answer: nothing },
  open: { ask: z.strictObject({ url: z.string().check(z.maxLength(512)) }), answer: done },
} as const;
export type RequestName = keyof typeof REQUESTS;
export type Ask<N extends RequestName> = z.infer<(typeof REQUESTS)[N]['ask']>;
export type AnswerTo<N extends RequestName> = z.infer<(typeof REQUESTS)[N]['answer']>;

/** The tray tells the window. */
export const EVENTS = {
  link,
  state: agentState,
  /** One check of a running `doctor`, as it ends. */
  check: doctorCheck,
  surroundings,
  /** Which view to show: the part after `#`, as in the page's own address. */
  show: z.strictObject({ hash: z.string().check(z.maxLength(300), z.regex(/^#\/[\w/.-]*$/)) }),
} as const;
export type EventName = keyof typeof EVENTS;
export type EventValue<N extends EventName> = z.infer<(typeof EVENTS)[N]>;

/** How each answer crosses. What failed is said by a code: no text from inside main gets into the page. */
export const reply = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true), value: z.unknown() }),
  z.strictObject({
    ok: z.literal(false),
    /** `refused`: not our page. `bad-ask`: not of the contract's form. `busy`: too many at once. `failed`: no answer, mostly of the daemon. */
    error: z.enum(['refused', 'bad-ask', 'busy', 'failed']),
  }),
]);
export type Reply = Readonly<z.infer<typeof reply>>;

/** What the window finds as `window.outpost`: not typed by channel, because whatever crosses is parsed. */
export interface Bridge {
  /** Resolves to a `Reply`. */
  ask(name: RequestName, value: unknown): Promise<unknown>;
  on(name: EventName, callback: (value: unknown) => void): () => void;
}

/** `outpost://explain/ID`: opens the window at this call. Nothing else is understood. */
export function explainedId(address: string): string | undefined {
  return /^outpost:\/\/explain\/([A-Za-z0-9_-]{1,128})\/?$/.exec(address)?.[1];
}
