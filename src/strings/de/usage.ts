// SPDX-License-Identifier: Apache-2.0
// Tokens and cost of the last days, in German. Text in `backticks` is shown as code.

import type { USAGE as English } from '../en/usage.ts';
import { plural } from '../plural.ts';

export const USAGE: typeof English = {
  title: 'Verbrauch',
  intro: 'Token und Kosten der letzten sieben Tage, gezählt aus dem Protokoll auf diesem Rechner.',
  loading: 'Wird gezählt…',
  failed: 'Der Verbrauch konnte nicht gezählt werden.',
  again: 'Noch einmal versuchen',
  reload: 'Neu zählen',
  reloaded: (time) => `Um ${time} neu gezählt.`,
  asOf: (time) => `Stand: ${time}`,
  stale: (time) => `Outpost antwortet nicht; diese Zahlen sind von ${time}.`,
  empty: 'Keine KI-Aufrufe in den letzten sieben Tagen',
  emptyText: 'Sobald eine App über Outpost einen KI-Dienst fragt, werden ihre Token und Kosten hier gezählt.',
  total: 'Sieben Tage',
  calls: 'Aufrufe',
  blocked: 'Abgelehnt',
  input: 'Token hinein',
  output: 'Token heraus',
  cost: 'Kosten',
  tokensPerDay: 'Token je Tag',
  costPerDay: 'Kosten je Tag',
  noCost: 'Für die verwendeten Modelle sind keine Preise bekannt; Kosten lassen sich deshalb nicht zeigen.',
  noTokens: 'Es wurden keine Token gezählt.',
  chart: (what, total, most, day) =>
    `${what}: ${total} in sieben Tagen, am meisten am ${day} mit ${most}. Die Tabelle „Jeder Tag in Zahlen“ nennt jeden Tag.`,
  days: 'Jeder Tag in Zahlen',
  day: 'Tag',
  today: 'heute',
  models: 'Meistgenutzte Modelle',
  model: 'Modell',
  apps: 'Meistgenutzte Apps',
  app: 'App',
  share: 'Anteil an allen Token',
  rest: 'Alle anderen',
  unknown: 'nicht bekannt',
  none: '–',
  notes: 'Zu diesen Zahlen',
  estimate: 'Die Kosten sind aus Listenpreisen berechnet. Die Rechnung kann anders lauten.',
  unpriced: (count, calls) =>
    `${count} ${plural(calls, 'Aufruf hat', 'Aufrufe haben')} keinen bekannten Preis und ${plural(calls, 'fehlt', 'fehlen')} in den Kosten.`,
  uncounted: (count, calls) =>
    `Zu ${count} ${plural(calls, 'Aufruf', 'Aufrufen')} hat der Anbieter keine Token genannt; Token und Kosten sind mindestens so hoch wie gezeigt.`,
  since: (date) => `Das Protokoll beginnt am ${date}; was davor war, ist nicht gezählt.`,
};
