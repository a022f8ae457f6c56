// SPDX-License-Identifier: Apache-2.0
// Codes of the error catalogue in a few German words, for lists. Whole sentences: daemon.ts.

import type { ERROR_WORDS as English } from '../en/errors.ts';

export const ERROR_WORDS: typeof English = {
  OUT_BLOCKED_HOST: 'Dienst nicht erlaubt',
  OUT_BLOCKED_MODEL: 'Modell nicht erlaubt',
  OUT_BLOCKED_APP: 'App nicht erlaubt',
  OUT_UNREADABLE_BODY: 'nicht prüfbar',
  OUT_BLOCKED_ORDER: 'vorläufig angehalten',
  OUT_POLICY_EXPIRED: 'Regeln abgelaufen',
  OUT_DEVICE_REVOKED: 'Gerät gesperrt',
  OUT_NO_POLICY: 'noch keine Regeln',
  OUT_AUDIT_UNAVAILABLE: 'nicht aufzeichenbar',
  OUT_MISDIRECTED: 'zwei verschiedene Hosts',
  OUT_BAD_REQUEST: 'fehlerhafte Anfrage',
  OUT_FORBIDDEN_TARGET: 'Adresse nicht erlaubt',
  OUT_FORBIDDEN_CLIENT: 'Aufrufer nicht erlaubt',
  OUT_UNKNOWN_PROVIDER: 'unbekannter Anbieter',
  OUT_UPSTREAM_UNREACHABLE: 'nicht erreichbar',
  OUT_UPSTREAM_UNTRUSTED: 'Identität unbestätigt',
  OUT_UPSTREAM_TIMEOUT: 'keine Antwort in der Zeit',
  OUT_UPSTREAM_BROKEN: 'Antwort brach ab',
  OUT_CHAIN_RATE_LIMITED: 'überall zu viele Anfragen',
  OUT_CHAIN_CREDENTIALS: 'Schlüssel abgelehnt',
  OUT_CHAIN_TIMEOUT: 'keine Antwort in der Zeit',
  OUT_CHAIN_FAILED: 'kein Anbieter kann antworten',
  OUT_OFFLINE: 'kein Netzwerk',
  OUT_UPGRADE_REFUSED: 'Verbindung nicht erlaubt',
  OUT_CA_UNUSABLE: 'Zertifikate unbrauchbar',
  OUT_SHUTTING_DOWN: 'Outpost wurde beendet',
  OUT_INTERNAL: 'Fehler in Outpost',
};
