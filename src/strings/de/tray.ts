// SPDX-License-Identifier: Apache-2.0
// Menu, tooltip and notices of the tray in German, and why the daemon is not there.

import type { TRAY as English } from '../en/tray.ts';
import { plural } from '../plural.ts';

export const TRAY: typeof English = {
  tooltip: (sentence) => `Outpost: ${sentence}`,
  status: {
    protected: (apps, since) =>
      apps === 0
        ? 'Geschützt'
        : `Geschützt: ${since === undefined ? 'heute' : `seit ${since}`} ${apps} ${plural(apps, 'App', 'Apps')} gesehen`,
    incompatible: 'Tray und Outpost sind von Versionen, die nicht zusammenpassen',
    gaveUp: 'Outpost lässt sich nicht in Betrieb halten',
    outOfRoutes: (instead) => `Störung bei Anbietern: ${instead} antwortet nicht, und nichts springt ein`,
    fallback: (using, instead) => `Störung bei Anbietern: ${using} statt ${instead}`,
    fallbacks: (count) => `Störung bei Anbietern: ${count} Anbieter werden ersetzt`,
    providersOut: (names) => `Störung bei Anbietern: keine Antwort von ${names}`,
    offline: 'Dieser Rechner ist offline',
  },
  warnings: (count) => plural(count, 'Eine Warnung…', `${count} Warnungen…`),
  otherVersion: {
    tray: (version) => `Outpost ist schon Version ${version}; bitte das Tray beenden und neu starten`,
    daemon: (version) => `Es läuft Version ${version}; ein Neustart bringt die installierte`,
    unknown: (version) => `Outpost ist Version ${version}, das Tray eine andere`,
  },
  organisation: (name, phase) => (phase === undefined ? `Verwaltet von ${name}` : `Verwaltet von ${name}: ${phase}`),
  phase: {
    waiting: 'wartet auf seine Regeln',
    stale: 'Regeln nicht rechtzeitig erneuert',
    expired: 'Regeln abgelaufen',
    revoked: 'dieses Gerät ist gesperrt',
  },
  blocked: 'Zuletzt abgelehnt',
  blockedCall: (time, app, reason) => `${time} ${app}: ${reason}`,
  someApp: 'Eine App',
  blockedReason: 'von einer Regel abgelehnt',
  open: 'Status öffnen…',
  recorded: 'Was aufgezeichnet wird…',
  diagnostics: 'Diagnose…',
  help: 'Hilfe holen…',
  helpOf: (label) => `Hilfe holen: ${label}`,
  about: 'Über Outpost',
  start: 'Outpost starten',
  quit: {
    goesOn: 'Tray beenden (der Schutz läuft weiter)',
    ends: 'Beenden und Outpost anhalten (KI-Werkzeuge scheitern ohne es)',
    down: 'Tray beenden',
  },
  ends: {
    exit: (code) => `es endete von selbst mit Code ${code}`,
    signal: (name) => `es wurde vom Signal ${name} beendet`,
    folderTaken: 'ein anderes Outpost hält seinen Ordner und antwortet nicht',
    portTaken: 'ein anderes Programm belegt einen seiner Ports',
    silent: 'es antwortete nicht rechtzeitig',
    notStarted: 'es ließ sich nicht starten',
    unknown: 'ein Grund ist noch nicht bekannt',
  },
  older: {
    tray: (version) => `das Tray ist älter als Outpost in Version ${version}`,
    daemon: (version) => `Outpost ist Version ${version} und älter als das Tray`,
    unknown: (version) => `Outpost ist Version ${version}`,
  },
  failed: {
    notAnswering: 'Outpost antwortet nicht.',
    sync: 'Der Server der Organisation ließ sich nicht fragen.',
    rows: 'Die Zeilen ließen sich dort nicht speichern.',
    bundle: 'Das Support-Paket ließ sich dort nicht anlegen.',
    address: 'Diese Adresse wird nicht geöffnet.',
    notOpened: 'Die Adresse ließ sich nicht öffnen.',
  },
  notice: {
    blockedOne: (app) => `Ein Aufruf von ${app} wurde abgelehnt`,
    blockedMany: (count) => `${count} KI-Aufrufe wurden abgelehnt`,
    blockedText: (reason, model) => (model === undefined ? reason : `${reason} (${model})`),
    blockedLast: (app, reason) => `Der letzte von ${app}: ${reason}`,
    fallbackBegan: (instead) => `${instead} antwortet nicht`,
    fallbackText: (using) => `Stattdessen antwortet ${using}.`,
    fallbackNone: 'Kein anderer Anbieter springt ein.',
    fallbackEnded: (instead) => `${instead} antwortet wieder`,
    fallbackEndedText: 'Aufrufe gehen wie gewohnt dorthin.',
    providersMany: (count) => `Änderungen bei ${count} KI-Anbietern`,
    providersList: (out, back) =>
      [out === '' ? '' : `Ausgefallen: ${out}.`, back === '' ? '' : `Wieder da: ${back}.`]
        .filter((part) => part !== '')
        .join(' '),
    healthMany: (count) => `${count} Dinge brauchen Aufmerksamkeit`,
  },
};
