// SPDX-License-Identifier: Apache-2.0
// Does something again soon after what it depends on has changed, as long as the view is shown.

import { useEffect, useRef } from 'preact/hooks';
import { browserClock } from '../clock.ts';
import { createThrottle, type Throttle } from '../model/throttle.ts';

/** @param mark what it depends on, as a text; undefined while that is not known. `ms`: how soon, and not more often */
export function useFollow(mark: string | undefined, ms: number, run: () => void): void {
  const latest = useRef(run);
  latest.current = run;
  const throttle = useRef<Throttle | undefined>(undefined);
  const seen = useRef(mark);
  useEffect(() => {
    const made = createThrottle(browserClock, ms, () => latest.current());
    throttle.current = made;
    return () => made.end();
  }, [ms]);
  useEffect(() => {
    if (seen.current !== undefined && seen.current !== mark) throttle.current?.due();
    seen.current = mark;
  }, [mark]);
}
