// SPDX-License-Identifier: Apache-2.0
// The frame of the window, in German. Text in `backticks` is shown as code.

import type { FRAME as English } from '../en/frame.ts';
import { plural } from '../plural.ts';

export const FRAME: typeof English = {
  product: 'Outpost',
  skip: 'Zum Inhalt springen',
  nav: 'Seiten',
  pages: {
    overview: 'Übersicht',
    usage: 'Verbrauch',
    activity: 'Aktivität',
    recorded: 'Aufzeichnung',
    diagnostics: 'Diagnose',
    about: 'Über',
  },
  link: {
    lostTitle: 'Outpost antwortet nicht',
    lostText: (time) =>
      `Keine Antwort seit ${time}. Diese Seite versucht es von selbst wieder. Im Terminal sagt \`outpost doctor\`, was fehlt.`,
    stale: 'Was Sie unten sehen, ist von vorher.',
    retry: 'Jetzt versuchen',
    startingTitle: 'Outpost wird gestartet',
    startingText: 'Das dauert einen Moment.',
    waitingTitle: 'Outpost wurde beendet und wird wieder gestartet',
    waitingText: (time) =>
      `${time === undefined ? 'Der nächste Versuch folgt von selbst.' : `Der nächste Versuch ist um ${time}.`} Bis dahin scheitern KI-Werkzeuge, die durch Outpost gehen.`,
    downTitle: 'Outpost läuft nicht',
    downText: 'KI-Werkzeuge, die durch Outpost gehen, scheitern, bis es läuft.',
    gaveUpTitle: 'Outpost lässt sich nicht in Betrieb halten',
    gaveUpText:
      'Es wurde mehrmals vergeblich gestartet und wird deshalb vorerst nicht mehr von selbst gestartet. KI-Werkzeuge, die durch Outpost gehen, scheitern, bis es läuft. Die Prüfungen sagen, was fehlt.',
    incompatibleTitle: 'Tray und Outpost passen nicht zusammen',
    incompatibleText:
      'Ihre Versionen verstehen einander nicht, wie es bei einer Aktualisierung kurz vorkommt. Wenn es so bleibt, bitten Sie die IT, beide neu zu installieren. Outpost selbst arbeitet weiter wie bisher.',
    reason: (reason) => `Zuletzt endete es mit: ${reason}.`,
    start: 'Outpost starten',
    startNow: 'Jetzt starten',
    started: 'Outpost wird gestartet.',
    notStarted: 'Outpost ließ sich nicht starten.',
    diagnostics: 'Prüfungen starten',
    signedOutTitle: 'Sie sind abgemeldet',
    signedOutText: 'Führen Sie im Terminal `outpost ui` aus, und öffnen Sie die Adresse, die es ausgibt.',
    outdatedTitle: 'Outpost wurde aktualisiert',
    outdatedText: 'Diese Seite gehört zu einer anderen Version. Laden Sie sie neu, um fortzufahren.',
    outdatedWindow:
      'Dieses Fenster gehört zu einer anderen Version. Schließen Sie es, und öffnen Sie es neu, um fortzufahren.',
    reload: 'Neu laden',
    back: 'Outpost antwortet wieder.',
  },
  copyShort: 'Kopieren',
  copy: (text) => `„${text}“ kopieren`,
  copied: 'Kopiert',
  notCopied: 'Das Kopieren war nicht erlaubt; markieren Sie stattdessen den Text.',
  outside: '(öffnet sich im Browser)',
  notOpened: 'Diese Adresse ließ sich nicht öffnen.',
  status: {
    ok: 'Outpost arbeitet, wie es soll',
    notes: (count) => plural(count, 'Ein Hinweis', `${count} Hinweise`),
    attention: (count) =>
      plural(count, 'Ein Punkt braucht Ihre Aufmerksamkeit', `${count} Punkte brauchen Ihre Aufmerksamkeit`),
    blocked: 'KI-Werkzeuge funktionieren möglicherweise nicht',
    offline: 'Outpost antwortet nicht',
    starting: 'Outpost wird gestartet…',
    connecting: 'Verbindung zu Outpost wird hergestellt…',
    since: (time, version) => `In Betrieb seit ${time}, Version ${version}`,
  },
};
