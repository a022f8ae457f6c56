// SPDX-License-Identifier: Apache-2.0
// The warnings of the health catalogue in German. The particulars come over the wire: one that is missing or of another type makes the
// text unusable, never wrong.

import type { WarningArgs, WarningCode } from '../../contract/health.ts';
import type { HealthItem } from '../../contract/local-api.ts';

type NamesOf<Args, Value> = { [K in keyof Args]: Args[K] extends Value ? K : never }[keyof Args];

/** Reads particulars. Each @throws TypeError: missing, or not of this type */
interface Particulars<Args> {
  text(name: NamesOf<Args, string>): string;
  number(name: NamesOf<Args, number>): number;
  flag(name: NamesOf<Args, boolean>): boolean;
  list(name: NamesOf<Args, readonly string[]>): readonly string[];
  /** Milliseconds since the Unix epoch, as date and time; each alone: `day`, `clock`. */
  time(name: NamesOf<Args, number>): string;
  day(name: NamesOf<Args, number>): string;
  clock(name: NamesOf<Args, number>): string;
}

interface GermanWarning<Args> {
  readonly title: string;
  readonly text: (of: Particulars<Args>) => string;
  readonly fix: string;
}

/** ` in Zeile 3, Spalte 5`, where a place is known. */
const place = (line: number, column: number): string => (line > 0 ? `, Zeile ${line}, Spalte ${column}` : '');

const ASK_ADMINISTRATOR = 'Fragen Sie die IT Ihrer Organisation.';
const CHECK_NETWORK =
  'Prüfen Sie das Netzwerk. Wenn es so bleibt, fragen Sie die IT, ob der Server der Organisation läuft.';

const WARNINGS: { readonly [C in WarningCode]: GermanWarning<WarningArgs<C>> } = {
  'ipv6-loopback-missing': {
    title: 'Outpost ist nur über IPv4 erreichbar',
    text: () =>
      'Die Adresse ::1 ließ sich nicht verwenden. Werkzeuge, die „localhost“ als IPv6-Adresse lesen, brauchen etwas länger oder scheitern.',
    fix: 'Schalten Sie IPv6 für die lokale Schnittstelle ein, oder verwenden Sie 127.0.0.1 statt localhost.',
  },
  'ca-not-trusted': {
    title: 'Dieser Rechner vertraut dem Zertifikat von Outpost nicht',
    text: () =>
      'Apps, die den Zertifikatsspeicher des Betriebssystems nutzen, lehnen ihre KI-Verbindungen ab, solange diese durch Outpost gehen.',
    fix: 'Führen Sie `outpost ca install` aus, oder bitten Sie die IT, das Zertifikat zu verteilen.',
  },
  offline: {
    title: 'Dieser Rechner ist offline',
    text: () =>
      'Es gibt keine Verbindung zum Internet. KI-Anfragen werden sofort mit einem Fehler beantwortet; den Anbietern wird nichts angelastet.',
    fix: 'Prüfen Sie das Netzwerk. Outpost merkt selbst, wenn es wieder da ist.',
  },
  'providers-out': {
    title: 'Ein KI-Anbieter antwortet nicht',
    text: (of) =>
      `Ausgefallen: ${of.list('providers').join(', ')}. Wo die Regeln einen anderen Anbieter nennen, antwortet dieser.`,
    fix: 'Nichts; es wird von selbst wieder versucht. `outpost routes explain --model NAME` sagt, wer solange antwortet.',
  },
  'audit-down': {
    title: 'Anfragen werden nicht aufgezeichnet',
    text: (of) =>
      `Das Protokoll arbeitet nicht (${of.text('reason')}). Je nach Richtlinie werden KI-Anfragen abgelehnt oder ohne Aufzeichnung weitergegeben.`,
    fix: 'Führen Sie `outpost doctor` aus; es nennt die Datei und den Grund.',
  },
  'audit-full': {
    title: 'Das Protokoll ist voll',
    text: (of) =>
      `Im Protokoll ist kein Platz für weitere Zeilen (${of.text('reason')}). Je nach Richtlinie werden KI-Anfragen abgelehnt, oder ältere Zeilen weichen.`,
    fix: 'Geben Sie Speicherplatz frei, oder erhöhen Sie `audit.cap_mb` in outpost.yaml.',
  },
  'audit-degraded': {
    title: 'Die Aufzeichnung ist langsam oder unvollständig',
    text: (of) =>
      `Das Protokoll hängt zurück (${of.text('reason')}). Zeilen, die verloren gehen, werden als Lücke vermerkt.`,
    fix: 'Warten Sie einen Moment. Wenn es so bleibt, suchen Sie nach einem langsamen oder vollen Laufwerk.',
  },
  'disk-low': {
    title: 'Das Laufwerk ist fast voll',
    text: (of) =>
      `Nur noch ${Math.floor(of.number('freeBytes') / 2 ** 20)} MiB sind frei, wo Outpost sein Protokoll führt. Wenn es voll ist, kann nichts mehr aufgezeichnet werden.`,
    fix: 'Geben Sie Speicherplatz frei.',
  },
  'clock-off': {
    title: 'Die Uhr dieses Rechners scheint falsch zu gehen',
    text: (of) =>
      `Die Uhr wurde um ${Math.round(of.number('seconds'))} Sekunden zurückgestellt. Aufzeichnungen tragen falsche Zeiten, und Zertifikate werden möglicherweise abgelehnt.`,
    fix: 'Stellen Sie Datum und Uhrzeit ein, und schalten Sie die automatische Uhrzeit ein.',
  },
  'config-rejected': {
    title: 'Die geänderte Konfiguration gilt nicht',
    text: (of) =>
      `${of.text('file')}${place(of.number('line'), of.number('column'))}: ${of.text('message')}. Es gilt weiter die Konfiguration von vorher.`,
    fix: 'Berichtigen Sie die Datei; sie wird neu gelesen, sobald sie gespeichert ist.',
  },
  'pinned-client': {
    title: 'Eine App lehnt das Zertifikat von Outpost ab',
    text: (of) =>
      `${of.text('app')} hat die Verbindungen zu ${of.text('host')} abgebrochen. Die App nimmt nur das Zertifikat des Dienstes selbst an, oder sie nutzt den Zertifikatsspeicher dieses Rechners nicht.`,
    fix: 'Geben Sie der App das Zertifikat (`outpost env --tool NAME`), oder setzen Sie den Host in outpost.yaml auf `tunnel`.',
  },
  'gateway-token-required': {
    title: 'Das Gateway verlangt ein Token',
    text: () =>
      'Dieses System sagt nicht, wer eine Verbindung geöffnet hat. Werkzeuge, die die lokale Basis-URL nutzen, müssen deshalb das Token des Gateways senden.',
    fix: 'Führen Sie `outpost env` aus; es sagt, wie ein Werkzeug das Token sendet.',
  },
  'managed-settings-ignored': {
    title: 'Die Einstellungen der Geräteverwaltung gelten nicht',
    text: (of) =>
      `${of.text('path')}${place(of.number('line'), of.number('column'))}: ${of.text('message')}. ${of.flag('inDoubt') ? 'Bis sie gelesen werden können, werden KI-Anfragen auf einem Gerät ohne Richtlinie abgelehnt, und es kann seine Organisation nicht verlassen.' : 'Die von vorher gelten weiter.'}`,
    fix: 'Bitten Sie die IT, die Datei zu berichtigen; sie wird innerhalb von fünf Minuten neu gelesen.',
  },
  'not-enrolled': {
    title: 'Dieses Gerät ist nicht so angemeldet, wie es sein soll',
    text: (of) => `Meldung von Outpost: ${of.text('text')}.`,
    fix: 'Führen Sie `outpost enroll --status` aus; es sagt, was fehlt.',
  },
  'keys-in-clear': {
    title: 'Die Schlüssel dieses Geräts sind nicht verschlüsselt',
    text: (of) =>
      `Sie liegen in einer privaten Datei, weil ${of.text('store')} den Schlüssel dazu nicht angenommen hat. Outpost versucht es jede Stunde wieder.`,
    fix: 'Entsperren Sie den Schlüsselspeicher dieses Systems. Starten Sie dann Outpost neu, oder warten Sie.',
  },
  'policy-waiting': {
    title: 'Die Regeln Ihrer Organisation sind noch nicht da',
    text: () =>
      'Dieses Gerät hat noch keine Richtlinie erhalten. Bis dahin entscheidet die Geräteverwaltung, ob KI-Anfragen durchgehen.',
    fix: 'Nichts; sie kommen von selbst, sobald der Server der Organisation erreichbar ist und welche veröffentlicht hat.',
  },
  'policy-stale': {
    title: 'Die Regeln Ihrer Organisation ließen sich nicht auffrischen',
    text: (of) =>
      `Der Server der Organisation war seit ${of.time('since')} nicht rechtzeitig erreichbar. Die Regeln von damals gelten weiter.`,
    fix: CHECK_NETWORK,
  },
  'policy-expired': {
    title: 'Die Regeln Ihrer Organisation sind abgelaufen',
    text: (of) =>
      `Sie sind am ${of.time('since')} abgelaufen. Jetzt gilt, was Ihre Organisation für diesen Fall bestimmt hat.`,
    fix: 'Verbinden Sie dieses Gerät mit einem Netzwerk, aus dem der Server der Organisation erreichbar ist.',
  },
  'policy-rolled-back': {
    title: 'Alte Regeln Ihrer Organisation sind zurückgekehrt',
    text: () =>
      'Dieses Gerät hatte schon neuere Regeln als die auf seinem Laufwerk: Dateien wurden beschädigt oder aus einer Kopie zurückgespielt. Die alten gelten, bis die neuesten da sind; Ihre Organisation erfährt davon.',
    fix: 'Verbinden Sie dieses Gerät mit einem Netzwerk, aus dem der Server der Organisation erreichbar ist. Wenn es wiederkommt, fragen Sie, wer diese Dateien zurückspielt.',
  },
  'policy-refused': {
    title: 'Neue Regeln Ihrer Organisation wurden abgelehnt',
    text: (of) =>
      `${of.number('version') > 0 ? `Version ${of.number('version')}` : 'Was der Server der Organisation gesendet hat'}${place(of.number('line'), of.number('column'))}: ${of.text('message')}. Die Regeln von vorher gelten weiter; Ihre Organisation hat davon erfahren.`,
    fix: 'Hier ist nichts zu tun; die IT Ihrer Organisation berichtigt es.',
  },
  'device-revoked': {
    title: 'Ihre Organisation hat dieses Gerät gesperrt',
    text: () =>
      'Die Schlüssel der Organisation wurden von diesem Gerät entfernt. KI-Anfragen werden möglicherweise abgelehnt.',
    fix: ASK_ADMINISTRATOR,
  },
  'reenrol-needed': {
    title: 'Dieses Gerät muss sich neu anmelden',
    text: () => 'Der Server der Organisation kennt seine Schlüssel nicht mehr. Die Regeln von vorher gelten weiter.',
    fix: 'Verwaltete Geräte tun es von selbst. Sonst bitten Sie um ein Token und führen `outpost enroll --new-keys` aus.',
  },
  'agent-outdated': {
    title: 'Outpost ist älter, als Ihre Organisation es möchte',
    text: (of) => `Verlangt wird Version ${of.text('wanted')} oder neuer.`,
    fix: 'Installieren Sie die neuere Version, oder warten Sie, bis die IT es tut.',
  },
  'order-in-force': {
    title: 'Ihre Organisation hat vorläufig etwas angehalten',
    text: (of) =>
      `${of.text('level') === 'bypass' ? 'Das Prüfen von Verbindungen ist ausgeschaltet' : 'KI-Anfragen werden abgelehnt'}: ${of.text('reason')}`,
    fix: 'Nichts; es endet von selbst, oder die IT beendet es.',
  },
  'override-in-force': {
    title: 'Die Regeln sind ausgesetzt',
    text: (of) => `Ein Code der IT setzt sie bis ${of.time('until')} aus. Anfragen werden weiter aufgezeichnet.`,
    fix: 'Nichts; es endet von selbst.',
  },
  'upload-behind': {
    title: 'Seit einem Tag wurden keine Aufzeichnungen übertragen',
    text: (of) =>
      `Die älteste ist vom ${of.time('since')} (${of.text('reason')}). Solange bleiben sie auf diesem Gerät.`,
    fix: CHECK_NETWORK,
  },
  'upload-stopped': {
    title: 'Manche Aufzeichnungen lassen sich nicht übertragen',
    text: (of) =>
      `Teil ${of.text('epoch')} des Protokolls passt nicht zu dem, was der Server der Organisation hat (${of.text('reason')}). Er bleibt auf diesem Gerät.`,
    fix: 'Fragen Sie die IT Ihrer Organisation; der Server hat schon Alarm geschlagen.',
  },
  'daemon-restarted': {
    title: 'Outpost wurde unerwartet beendet',
    text: (of) =>
      `${of.number('times') > 1 ? `Es wurde ${of.number('times')}-mal ungewollt beendet, zuletzt` : 'Es wurde ungewollt beendet,'} vor dem ${of.day('at')} um ${of.clock('at')}, und wieder gestartet. Aufrufe, die dabei liefen, haben im Protokoll kein Ende.`,
    fix: 'Wenn es wieder geschieht, starten Sie die Prüfungen und senden Sie der IT ein Support-Paket.',
  },
  'daemon-down': {
    title: 'Outpost läuft nicht',
    text: (of) =>
      `Der Teil von Outpost, der KI-Anfragen prüft und weitergibt, antwortet nicht (${of.text('reason')}). KI-Werkzeuge, die durch ihn gehen, scheitern, bis er wieder läuft.`,
    fix: 'Starten Sie ihn. Wenn das nicht hilft, starten Sie die Prüfungen.',
  },
  'window-failed': {
    title: 'Das Fenster von Outpost ist abgestürzt',
    text: (of) =>
      `Es wurde geschlossen und lässt sich wieder öffnen (${of.text('reason')}). Das Prüfen und Weitergeben von KI-Anfragen ist davon nicht berührt.`,
    fix: 'Öffnen Sie es wieder. Wenn es wieder geschieht, senden Sie der IT ein Support-Paket.',
  },
};

const DATE_TIME = new Intl.DateTimeFormat('de', { dateStyle: 'medium', timeStyle: 'short' });
const DATE = new Intl.DateTimeFormat('de', { dateStyle: 'medium' });
const TIME = new Intl.DateTimeFormat('de', { timeStyle: 'short' });

function particularsOf(args: HealthItem['args']): Particulars<Readonly<Record<string, never>>> {
  const read = <T extends HealthItem['args'][string]>(name: string, is: (value: unknown) => value is T): T => {
    const value = Object.hasOwn(args, name) ? args[name] : undefined;
    if (!is(value)) throw new TypeError(`no ${name}`);
    return value;
  };
  const number = (name: string) =>
    read(name, (value): value is number => typeof value === 'number' && Number.isFinite(value));
  const date = (name: string) => {
    const found = new Date(number(name));
    if (Number.isNaN(found.getTime())) throw new TypeError(`${name} is no time`);
    return found;
  };
  return {
    text: (name) => read(name, (value): value is string => typeof value === 'string'),
    number,
    flag: (name) => read(name, (value): value is boolean => typeof value === 'boolean'),
    list: (name) => read(name, (value): value is string[] => Array.isArray(value)),
    time: (name) => DATE_TIME.format(date(name)),
    day: (name) => DATE.format(date(name)),
    clock: (name) => TIME.format(date(name)),
  };
}

/** In German where the code is known; a text whose particulars are not complete stays as it came. */
export function healthInGerman(item: HealthItem): {
  readonly title: string;
  readonly text: string;
  readonly fix: string;
} {
  if (!Object.hasOwn(WARNINGS, item.code)) return { title: item.title, text: item.text, fix: item.fix };
  // Sound: the reader checks at run time what the type of each entry promises.
  const { title, text, fix } = WARNINGS[item.code as WarningCode] as GermanWarning<Readonly<Record<string, never>>>;
  try {
    return { title, text: text(particularsOf(item.args)), fix };
  } catch (error) {
    if (error instanceof TypeError) return { title, text: item.text, fix };
    throw error;
  }
}
