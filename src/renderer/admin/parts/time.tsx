// SPDX-License-Identifier: Apache-2.0
// A time in the browser's language and zone, with UTC behind it.

import { format } from '../model/browser.ts';
import { STRINGS } from '../strings.ts';

interface TimeProps {
  /** Milliseconds since the Unix epoch; null: never, or not known. */
  readonly at: number | null;
  readonly now: number;
}

export function Time({ at, now }: TimeProps) {
  if (at === null) return <>{STRINGS.none}</>;
  return (
    <time class="nowrap" dateTime={format.iso(at)} title={format.utc(at)}>
      {format.time(at, now)}
    </time>
  );
}

/** "3 minutes ago", with the time behind it. */
export function Ago({ at, now }: TimeProps) {
  if (at === null) return <>{STRINGS.none}</>;
  return (
    <time class="nowrap" dateTime={format.iso(at)} title={`${format.time(at, now)}, ${format.utc(at)}`}>
      {format.ago(at, now)}
    </time>
  );
}
