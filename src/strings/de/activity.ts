// SPDX-License-Identifier: Apache-2.0
// The list of calls, in German. Text in `backticks` is shown as code.

import type { ACTIVITY as English } from '../en/activity.ts';
import { plural } from '../plural.ts';
import { ERROR_WORDS } from './errors.ts';

export const ACTIVITY: typeof English = {
  intro:
    'Die neuesten Aufrufe von KI-Diensten auf diesem Rechner. Was darin gesagt wurde, steht nicht hier und wird nicht aufgezeichnet.',
  filter: 'Suche',
  filterHint: 'App, Modell, Fehler, Nummer …',
  decisions: 'Entscheidung',
  decisionAll: 'Alle',
  pause: 'Anhalten',
  paused: (count, changes, more) =>
    changes === 0
      ? 'Angehalten'
      : `Angehalten, ${more ? 'mindestens ' : ''}${count} neuere ${plural(changes, 'Änderung wartet', 'Änderungen warten')}`,
  resume: 'Weiter',
  searching: 'Das Protokoll wird durchsucht…',
  found: (count, calls) => `${count} ${plural(calls, 'Aufruf', 'Aufrufe')} im ganzen Protokoll gefunden`,
  foundSoFar: (count, calls) =>
    `Bisher ${count} ${plural(calls, 'Aufruf', 'Aufrufe')} gefunden; ältere sind noch nicht durchsucht`,
  searchFailed: 'Das Protokoll konnte nicht durchsucht werden; gezeigt werden nur Aufrufe, die hier bekannt sind.',
  again: 'Noch einmal versuchen',
  older: 'Ältere zeigen',
  olderSearch: 'Weiter zurück suchen',
  olderBusy: 'Wird gesucht…',
  olderShown: (count) => `${count} ${plural(count, 'älterer Aufruf', 'ältere Aufrufe')} hinzugefügt.`,
  olderNone: 'Es wurde kein älterer Aufruf gefunden.',
  all: 'Das sind alle Aufrufe des Protokolls.',
  full: (count) => `Die Liste endet nach ${count} Aufrufen. Suchen Sie nach dem, was Sie brauchen.`,
  table: 'Neueste Aufrufe zuerst',
  columns: {
    time: 'Zeit',
    app: 'App',
    provider: 'Anbieter',
    model: 'Modell',
    decision: 'Entscheidung',
    tokens: 'Token ein / aus',
    latency: 'Dauer',
  },
  open: (time) => `${time}, diesen Aufruf zeigen`,
  decision: { allowed: 'Erlaubt', blocked: 'Abgelehnt' },
  result: {
    running: 'läuft',
    refused: '',
    complete: '',
    failed: 'gescheitert',
    broken: 'abgebrochen',
    cancelled: 'von der App beendet',
    lost: 'Ende nicht bekannt',
  },
  errors: ERROR_WORDS,
  sentModel: (model) => `als ${model}`,
  unknown: 'nicht bekannt',
  none: '–',
  firstContent: (time) => `erstes Stück nach ${time}`,
  firstShort: (time) => `nach ${time}`,
  estimated: 'etwa ',
  empty: 'Noch keine Aufrufe',
  emptyText: 'Sobald eine App über Outpost einen KI-Dienst fragt, erscheint der Aufruf hier.',
  noMatch: 'Kein Aufruf passt',
  clear: 'Suche leeren',
  someApp: 'einer unbekannten App',
  blockedNow: (app) => `Ein Aufruf von ${app} wurde abgelehnt.`,
  blockedSome: (count) => `${count} Aufrufe wurden abgelehnt.`,
};
