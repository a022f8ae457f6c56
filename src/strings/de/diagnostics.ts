// SPDX-License-Identifier: Apache-2.0
// Checks and the support bundle, in German. Text in `backticks` is shown as code.

import type { DIAGNOSTICS as English } from '../en/diagnostics.ts';
import { plural } from '../plural.ts';

export const DIAGNOSTICS: typeof English = {
  title: 'Diagnose',
  intro: 'Wenn etwas nicht geht: Starten Sie zuerst die Prüfungen. Sie ändern nichts.',
  checks: 'Prüfungen',
  checksText:
    'Sehen nach Ports, Zertifikat, Protokoll, Laufwerk und Uhr. Im Terminal tut `outpost doctor` dasselbe. Einzelheiten stehen dort und hier auf Englisch.',
  run: 'Prüfungen starten',
  again: 'Prüfungen noch einmal starten',
  stop: 'Anhalten',
  stopping: 'Wird angehalten…',
  running: (ended) =>
    ended === 0 ? 'Es wird geprüft…' : `Es wird geprüft… ${ended} ${plural(ended, 'Prüfung', 'Prüfungen')} fertig`,
  done: (fails) =>
    fails === 0
      ? 'Alle Prüfungen sind fertig; keine ist gescheitert.'
      : `${fails} ${plural(fails, 'Prüfung ist', 'Prüfungen sind')} gescheitert.`,
  at: (time) => `Fertig um ${time}`,
  stopped: (ended) => `Nach ${ended} ${plural(ended, 'Prüfung', 'Prüfungen')} angehalten.`,
  failedShort: 'Die Prüfungen ließen sich nicht ausführen.',
  failed:
    'Die Prüfungen ließen sich nicht zu Ende führen. Versuchen Sie es noch einmal, oder führen Sie im Terminal `outpost doctor` aus.',
  list: 'Ergebnisse der Prüfungen',
  fix: 'Was zu tun ist: ',
  status: { ok: 'In Ordnung', warn: 'Bitte ansehen', fail: 'Gescheitert', unknown: 'Nicht bekannt' },
  copyReport: 'Bericht kopieren',
  copied: 'Der Bericht ist kopiert.',
  notCopied: 'Das Kopieren war nicht erlaubt.',
  reportTitle: (version) => `Outpost ${version}, Prüfungen`,
  reportFix: (fix) => `  was zu tun ist: ${fix}`,
  browserDown: 'Outpost antwortet nicht, deshalb kann diese Seite die Prüfungen nicht starten. Ein Terminal kann es:',
  bundle: 'Support-Paket',
  bundleText:
    'Eine Datei (zip), die der IT hilft, den Fehler zu finden. Sie entscheiden, wem Sie sie geben; Outpost sendet sie nirgendwohin.',
  bundleHas: 'Was darin ist',
  bundleIn: [
    'Ergebnisse der Prüfungen',
    'Versionen von Outpost und vom System',
    'der Zustand von Outpost: Warnungen, Anbieter, Anzahlen',
    'die Form der Regeln: Namen und Anzahlen',
    'wohin Proxy-Einstellungen führen, und Namen und Größen der Dateien von Outpost',
  ],
  bundleHasNot: 'Was nicht darin ist',
  bundleOut: [
    'was KI-Diensten gesagt wurde oder was sie geantwortet haben',
    'Passwörter, Schlüssel und Token',
    'Werte der Regeln und Zeilen des Protokolls',
    'Namen von Apps und die Hosts, die sie angesprochen haben',
    'Ihr Name und Mailadressen; der eigene Ordner steht als ~ darin',
  ],
  save: 'Support-Paket speichern',
  saving: 'Wird gespeichert…',
  saved: (path) => (path === undefined ? 'Der Browser speichert die Datei.' : `Gespeichert als \`${path}\`.`),
  cancelled: 'Es wurde nichts gespeichert.',
  notSaved: (reason) => `Die Datei ließ sich nicht speichern: ${reason}`,
  checksCommand: 'outpost doctor',
  bundleCommand: 'outpost support',
};
