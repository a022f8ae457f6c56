// SPDX-License-Identifier: Apache-2.0
// Says in plain words that something did not work, what that means, and what to do.

import type { AdminFailure } from '../client/admin-client.ts';
import { describeFailure } from '../model/failure.ts';
import { STRINGS } from '../strings.ts';

interface FailureProps {
  readonly failure: AdminFailure | undefined;
  /** Something was to be changed, not only shown: whether it was may be unknown. */
  readonly changing?: boolean;
  /** Lists what is wrong with a text, where nothing else on the page does. */
  readonly faults?: boolean;
}

/** Read out as soon as it appears. Takes no room while there is nothing to say. */
export function Failure({ failure, changing = false, faults = false }: FailureProps) {
  const words = failure === undefined ? undefined : describeFailure(failure, changing);
  return (
    <div role="alert" class={words === undefined ? 'failure-none' : 'failure'}>
      {words !== undefined && (
        <>
          <strong>{words.title}</strong> <span>{words.text}</span>
          {faults && failure !== undefined && failure.faults.length > 0 && (
            <ul>
              {failure.faults.map(({ line, column, at, message }) => (
                <li key={`${line}:${column}:${at}:${message}`}>
                  {STRINGS.device.at(line, column)}
                  {message} {at !== '' && <code>{at}</code>}
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </div>
  );
}
