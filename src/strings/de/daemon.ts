// SPDX-License-Identifier: Apache-2.0
// What the daemon words in English, worded anew by its code. What has no code stays English: summaries of checks, reasons inside of texts.

import type { ErrorCode } from '../../contract/errors.ts';
import type { CallDetail } from '../../contract/local-history.ts';
import type { DAEMON as English } from '../en/daemon.ts';
import { fieldInGerman } from './fields.ts';
import { healthInGerman } from './health.ts';

const ERRORS: Readonly<Record<ErrorCode, string>> = {
  OUT_BLOCKED_HOST: 'Ihre Organisation erlaubt diesen KI-Dienst nicht.',
  OUT_BLOCKED_MODEL: 'Ihre Organisation erlaubt dieses Modell nicht.',
  OUT_BLOCKED_APP: 'Ihre Organisation erlaubt dieser App keine KI-Dienste.',
  OUT_UNREADABLE_BODY: 'Diese Anfrage ließ sich nicht an den Regeln Ihrer Organisation prüfen.',
  OUT_BLOCKED_ORDER: 'Ihre Organisation hat dies vorläufig angehalten.',
  OUT_POLICY_EXPIRED:
    'Dieser Rechner hat zu lange nichts von Ihrer Organisation gehört; verbinden Sie ihn mit dem Netzwerk, oder fragen Sie die IT.',
  OUT_DEVICE_REVOKED: 'Ihre Organisation erlaubt auf diesem Rechner keine KI-Dienste mehr.',
  OUT_NO_POLICY: 'Dieser Rechner wartet noch auf die Regeln Ihrer Organisation; versuchen Sie es gleich noch einmal.',
  OUT_AUDIT_UNAVAILABLE: 'Diese Anfrage wurde angehalten, weil sie nicht aufgezeichnet werden konnte.',
  OUT_MISDIRECTED: 'Die Anfrage nennt zwei verschiedene Hosts.',
  OUT_BAD_REQUEST: 'Die Anfrage ist fehlerhaft.',
  OUT_FORBIDDEN_TARGET: 'Diese Adresse darf nicht über den Proxy erreicht werden.',
  OUT_FORBIDDEN_CLIENT: 'Dieser lokale Zugang steht dem Aufrufer nicht offen.',
  OUT_UNKNOWN_PROVIDER: 'Einen solchen Anbieter gibt es an diesem Gateway nicht.',
  OUT_UPSTREAM_UNREACHABLE: 'Der KI-Anbieter war nicht erreichbar.',
  OUT_UPSTREAM_UNTRUSTED: 'Die Identität des KI-Anbieters ließ sich nicht bestätigen.',
  OUT_UPSTREAM_TIMEOUT: 'Der KI-Anbieter hat zu lange für die Antwort gebraucht.',
  OUT_UPSTREAM_BROKEN: 'Die Antwort des KI-Anbieters brach ab.',
  OUT_CHAIN_RATE_LIMITED: 'Alle KI-Anbieter für diese Anfrage begrenzen zurzeit die Zahl der Anfragen.',
  OUT_CHAIN_CREDENTIALS: 'Die KI-Anbieter für diese Anfrage nehmen die Schlüssel der Organisation nicht an.',
  OUT_CHAIN_TIMEOUT: 'Die KI-Anbieter für diese Anfrage haben zu lange für die Antwort gebraucht.',
  OUT_CHAIN_FAILED: 'Zurzeit kann kein KI-Anbieter für diese Anfrage antworten.',
  OUT_OFFLINE: 'Dieser Rechner hat keine Verbindung zum Internet.',
  OUT_UPGRADE_REFUSED: 'Ihre Organisation erlaubt diese Verbindung nicht.',
  OUT_CA_UNUSABLE: 'Outpost kann seine Zertifikate nicht verwenden.',
  OUT_SHUTTING_DOWN: 'Outpost startet gerade neu; versuchen Sie es gleich noch einmal.',
  OUT_INTERNAL: 'Outpost ist an dieser Anfrage gescheitert.',
};

const errorInGerman = (code: string): string | undefined =>
  Object.hasOwn(ERRORS, code) ? ERRORS[code as ErrorCode] : undefined;

function reasonInGerman({ call, decision }: Pick<CallDetail, 'call' | 'decision'>): string {
  if (call.decision === 'blocked')
    return (call.error === undefined ? undefined : errorInGerman(call.error)) ?? decision.reason;
  const { rule } = decision;
  // A rule that matched has a number in brackets. Any other name is that of a route, an order, or what lifts the rules for a time.
  if (rule !== undefined)
    return rule.endsWith(']')
      ? `Die Regel ${rule} erlaubt ihn.`
      : `Keine Regel verbietet ihn; „${rule}“ hat entschieden.`;
  // Whatever was decided under rules has their fingerprint.
  return decision.policy === undefined
    ? 'Das Protokoll hat den Anfang dieses Aufrufs nicht mehr.'
    : 'Keine Regel verbietet ihn.';
}

export const DAEMON: typeof English = {
  health: healthInGerman,
  error: errorInGerman,
  reason: reasonInGerman,
  field: fieldInGerman,
};
