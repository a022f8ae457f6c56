// SPDX-License-Identifier: Apache-2.0
// A code that may be broken after each of its parts, never within one.

import { Fragment } from 'preact';

export function CodeWords({ children }: { readonly children: string }) {
  return (
    <code>
      {children.split(/(?<=[_,])/).map((part, at) => (
        <Fragment key={`${at} ${part}`}>
          {at > 0 && <wbr />}
          {part}
        </Fragment>
      ))}
    </code>
  );
}
