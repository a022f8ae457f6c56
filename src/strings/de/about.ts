// SPDX-License-Identifier: Apache-2.0
// Versions, preferences, licences, in German. Text in `backticks` is shown as code.

import type { ABOUT as English } from '../en/about.ts';

export const ABOUT: typeof English = {
  title: 'Über Outpost',
  what: 'Outpost setzt auf diesem Rechner die Regeln Ihrer Organisation für KI-Dienste in Kraft: Es prüft hier jeden KI-Aufruf, gibt ihn an den Anbieter weiter und vermerkt, dass es ihn gab. Was in einem Aufruf gesagt wird, wird weder aufgezeichnet noch irgendwohin gesendet außer an den Anbieter.',
  versions: 'Versionen',
  daemon: 'Outpost',
  daemonUnknown: 'nicht bekannt, solange es nicht antwortet',
  tray: 'Tray und Fenster',
  runtime: 'Läuft mit',
  host: 'Wird am Laufen gehalten von',
  hosts: {
    service: 'dem System: Es läuft weiter, wenn das Tray beendet wird',
    child: 'dem Tray: Es endet, wenn das Tray beendet wird',
  },
  preferences: 'Einstellungen',
  preferencesText: 'Nur für Sie. Jede Wahl gilt sofort.',
  language: 'Sprache',
  languages: { en: 'English', de: 'Deutsch' },
  theme: 'Aussehen',
  themes: { system: 'Wie das System', light: 'Hell', dark: 'Dunkel' },
  asSystem: 'Wie das System',
  notifications: 'Mitteilen, wenn ein Aufruf abgelehnt wird oder ein Anbieter wechselt',
  open_at_login: 'Das Tray öffnen, wenn ich mich anmelde',
  saved: 'Ihre Wahl gilt ab jetzt.',
  notSaved: 'Ihre Wahl ließ sich nicht behalten.',
  help: 'Hilfe',
  helpText: 'Ihre Organisation hilft bei Fragen zu Outpost:',
  helpNone:
    'Ihre Organisation hat keine Anlaufstelle genannt. Es helfen `outpost doctor` und die Dokumentation, die mit Outpost gekommen ist.',
  licences: 'Lizenzen',
  licencesText:
    'Outpost ist freie Software unter der Apache License 2.0. Es enthält Werke anderer; deren Lizenzen und Hinweise liegen in den Dateien, die mit dem Programm gekommen sind.',
};
