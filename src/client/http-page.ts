// SPDX-License-Identifier: Apache-2.0
// The page's client in a browser: the agent over HTTP, and of its surrounding what a browser can do. Preferences stay in this browser.

import { API_VERSION, API_VERSION_HEADER } from '../contract/local-api-constants.ts';
import { type About, DEFAULT_PREFERENCES, type Preferences, preferences, type Surroundings } from '../contract/tray.ts';
import { CATALOGUES, languageOf } from '../strings/catalogue.ts';
import type { PageClient } from './agent-client.ts';
import { createHttpClient, type HttpClientParts } from './http.ts';

export interface HttpPageParts extends HttpClientParts {
  /** As `navigator.languages`: BCP 47, best first. */
  readonly languages: readonly string[];
  /** Where the preferences are kept. Each of both may throw: a browser may forbid it. */
  readonly storage: () => Pick<Storage, 'getItem' | 'setItem'>;
  readonly copy: (text: string) => Promise<void>;
  /** Another tab, which learns nothing of this one. */
  readonly openTab: (url: string) => void;
  /** Saves what an address of the page's own origin answers. */
  readonly download: (path: string) => void;
}

const KEY = 'outpost-preferences';
const PATHS = { rows: '/v1/recorded/export', 'support-bundle': '/v1/support-bundle' } as const;
const ABOUT: About = { runtime: [], settable: ['language', 'theme'] };

/** Whatever else lies there counts as nothing. */
function kept(storage: HttpPageParts['storage']): Preferences {
  try {
    const parsed = preferences.safeParse(JSON.parse(storage().getItem(KEY) ?? 'null'));
    return parsed.success ? parsed.data : DEFAULT_PREFERENCES;
  } catch {
    return DEFAULT_PREFERENCES;
  }
}

export function createHttpPage(parts: HttpPageParts): PageClient {
  const { languages, storage, copy, openTab, download, fetch, base } = parts;
  const surroundingsOf = (chosen: Preferences): Surroundings => ({
    language: chosen.language === 'system' ? languageOf(languages) : chosen.language,
    preferences: chosen,
  });
  /** What the daemon says to a question by this page; undefined: nothing. */
  const reached = (): Promise<number | undefined> =>
    fetch(`${base}/v1/state`, {
      method: 'HEAD',
      headers: { [API_VERSION_HEADER]: String(API_VERSION) },
      credentials: 'same-origin',
    }).then(
      ({ status }) => status,
      () => undefined,
    );
  return {
    ...createHttpClient(parts),
    surroundings: async () => surroundingsOf(kept(storage)),
    async prefer(chosen) {
      try {
        storage().setItem(KEY, JSON.stringify(chosen));
      } catch {
        // It holds until the page is closed.
      }
      return surroundingsOf(chosen);
    },
    about: async () => ABOUT,
    actions: [],
    act: async () => ({ ok: false }),
    async save(what) {
      const { frame } = CATALOGUES[surroundingsOf(kept(storage)).language];
      // A download that is refused would save the refusal, or nothing, and nobody would be told.
      const status = await reached();
      if (status === 401) return { kind: 'failed', reason: frame.link.signedOutText };
      if (status !== 200) return { kind: 'failed', reason: frame.link.lostTitle };
      download(base + PATHS[what]);
      return { kind: 'saved' };
    },
    copy,
    async open(url) {
      const isSecure = URL.canParse(url) && new URL(url).protocol === 'https:';
      if (isSecure) openTab(url);
      return { ok: isSecure };
    },
    listen: () => () => undefined,
  };
}
