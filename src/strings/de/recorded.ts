// SPDX-License-Identifier: Apache-2.0
// “What is recorded about me”, in German. Text in `backticks` is shown as code.

import type { RECORDED as English } from '../en/recorded.ts';
import { plural } from '../plural.ts';

export const RECORDED: typeof English = {
  title: 'Was über mich aufgezeichnet wird',
  loading: 'Wird geladen…',
  failed: 'Das konnte nicht geladen werden.',
  again: 'Noch einmal versuchen',
  stale: 'Outpost antwortet nicht; dies ist von vorher.',
  short: 'In Kürze',
  points: {
    no: 'Was Sie einem KI-Dienst schreiben und was er antwortet, wird nicht aufgezeichnet. Auch keine Dateien, Bilder, Passwörter oder Schlüssel.',
    yes: 'Zu jedem KI-Aufruf vermerkt Outpost, welche App welchen Dienst und welches Modell gefragt hat, wann, wie groß der Aufruf war, wie lange er dauerte und ob er erlaubt war.',
    other:
      'Verbindungen zu anderen Seiten werden ungeöffnet weitergegeben. Von ihnen gezählt wird nur, wie viele es sind.',
    otherHeader:
      'Verbindungen zu anderen Seiten werden ungeöffnet weitergegeben, außer zu denen, für die die Regeln einen Header Ihrer Organisation setzen: sie werden dafür geöffnet, und nichts davon wird behalten. Von allen gezählt wird nur, wie viele es sind.',
    stays: 'Das Protokoll bleibt auf diesem Rechner.',
    leaves: 'Das Protokoll wird an Ihre Organisation gesendet.',
    summaries: 'Zu jedem Aufruf geht eine Zusammenfassung an den Sammler, den die Regeln nennen.',
  },
  opened: 'Was geöffnet und was nur gezählt wird',
  openedText:
    'Nach den Regeln, die jetzt gelten, für die Hostnamen, die sie und die Liste bekannter KI-Dienste nennen:',
  hosts: {
    govern: (count) =>
      `${count} ${plural(count, 'Host wird', 'Hosts werden')} geöffnet: KI-Aufrufe dorthin werden geprüft und aufgezeichnet.`,
    header: (count) =>
      `${count} ${plural(count, 'Host wird', 'Hosts werden')} geöffnet, um einen Header Ihrer Organisation zu setzen, wo die Regeln einen haben; sonst wird nichts gelesen, nichts aufgezeichnet, Aufrufe werden gezählt.`,
    tunnel: (count) =>
      `${count} ${plural(count, 'Host wird', 'Hosts werden')} nach einer Regel ungeöffnet weitergegeben; Verbindungen werden gezählt.`,
    block: (count) =>
      `${count} ${plural(count, 'Host ist', 'Hosts sind')} gesperrt: jeder Versuch wird aufgezeichnet, keiner weitergegeben.`,
  },
  hostsOther: 'Alle anderen Hosts werden ungeöffnet weitergegeben; Verbindungen werden gezählt.',
  where: 'Wo, wie lange, und wer es lesen kann',
  folder: 'Ordner',
  retention: 'Wie lange',
  retentionText: (days, cap) =>
    `${days === undefined ? '' : `Höchstens ${days} ${plural(days, 'Tag', 'Tage')}. `}Das Protokoll nimmt höchstens ${cap} Speicher ein.`,
  readers: 'Wer es lesen kann',
  reader: {
    you: () => 'Sie.',
    'local-admins': () => 'Wer diesen Rechner verwaltet.',
    organisation: (name) => `Wer bei ${name ?? 'Ihrer Organisation'} verwaltet oder prüft; dorthin wird es übertragen.`,
    telemetry: () =>
      'Wer den Sammler betreibt, den die Regeln nennen (`telemetry.otlp`): eine Zusammenfassung jedes Aufrufs, nicht die Zeilen.',
  },
  level: 'Wann eine Zeile geschrieben wird',
  levels: {
    strict: 'Bevor ein Aufruf gesendet wird, sicher auf dem Laufwerk; sonst wird der Aufruf abgelehnt.',
    standard: 'Bevor ein Aufruf gesendet wird; dauert das zu lange, geht er hinaus, und seine Zeile sagt es.',
    relaxed: 'Wenn ein Aufruf zu Ende ist.',
  },
  size: 'Jetzt',
  sizeText: (rows, bytes) => `${rows} Zeilen, ${bytes}`,
  oldest: (time) => `, die älteste von ${time}`,
  tamper: 'Änderungen daran',
  tamperText:
    'Jede Zeile trägt einen Fingerabdruck der Zeile davor: eine geänderte oder fehlende Zeile fällt auf. `outpost audit verify` prüft es.',
  upload: 'Was Ihre Organisation bekommen hat',
  uploadOf: 'Organisation',
  uploadState: 'Übertragung',
  uploadStates: {
    idle: 'Alle Zeilen sind übertragen.',
    sending: 'Es werden gerade Zeilen übertragen.',
    waiting: 'Zeilen werden bei nächster Gelegenheit übertragen.',
    refused: 'Die Organisation nimmt keine Zeilen dieses Geräts mehr an.',
  },
  uploadRows: 'Noch zu übertragen',
  uploadRowsText: (rows, count) => `${rows} ${plural(count, 'Zeile', 'Zeilen')}`,
  uploadQuarantined: 'Zurückbehalten',
  uploadQuarantinedText: (rows, count) =>
    `${rows} ${plural(count, 'Zeile passt', 'Zeilen passen')} nicht zu dem, was die Organisation hat, und ${plural(count, 'bleibt', 'bleiben')} auf diesem Gerät.`,
  uploadLast: 'Letzte Übertragung',
  uploadNever: 'Keine seit dem Start',
  uploadError: 'Letzter Fehler',
  export: 'Zum Mitnehmen',
  exportText: 'Speichert jede Zeile des Protokolls, genau wie sie ist, in einer Datei (JSON Lines).',
  exportButton: 'Alle Zeilen in einer Datei speichern',
  exportBusy: 'Wird gespeichert…',
  exportSaved: (path) => `Gespeichert als \`${path}\`.`,
  exportBrowser: 'Ihr Browser speichert die Datei und sagt, wo.',
  exportCancelled: 'Es wurde nichts gespeichert.',
  exportFailed: (reason) => `Die Zeilen konnten nicht gespeichert werden: ${reason}`,
  exportAway: 'Outpost hat nicht geantwortet.',
  newest: 'Die neuesten Zeilen, genau wie gespeichert',
  newestText: 'Das ist die ganze Zeile; dahinter steht nichts weiter.',
  newestEmpty: 'Es wurde noch nichts aufgezeichnet.',
  reload: 'Neuere Zeilen zeigen',
  reloaded: (rows) => `Neu geladen; im Protokoll sind ${rows} Zeilen.`,
  fields: 'Jedes Feld und was es bedeutet',
  fieldsTable: 'Tabelle der Felder',
  field: 'Feld',
  meaning: 'Bedeutung',
  foundIn: 'In Zeilen über',
  everyRow: 'alles',
  kinds: {
    intent: 'einen Aufruf vor dem Senden',
    refusal: 'einen abgelehnten Aufruf',
    attempt: 'einen Versuch bei einem Anbieter',
    outcome: 'das Ende eines Aufrufs',
    orphan: 'einen Aufruf, dessen Ende nicht bekannt ist',
    gap: 'fehlende Zeilen',
    epoch: 'eine neue Protokolldatei',
    event: 'Outpost selbst',
  },
  row: (seq, kind) => `Zeile ${seq} über ${kind}`,
  unreadable: 'etwas, dessen Form nicht bekannt ist',
};
