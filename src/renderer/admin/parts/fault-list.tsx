// SPDX-License-Identifier: Apache-2.0
// What is wrong with a text; each fault leads to its place.

import type { Fault } from '../client/admin-client.ts';
import { STRINGS } from '../strings.ts';
import { Tag } from './tag.tsx';

interface FaultListProps {
  readonly errors: readonly Fault[];
  readonly warnings: readonly Fault[];
  readonly onGo: (fault: Fault) => void;
}

const words = STRINGS.editor;

export function FaultList({ errors, warnings, onGo }: FaultListProps) {
  const all = [
    ...errors.map((fault) => ['error', fault] as const),
    ...warnings.map((fault) => ['warning', fault] as const),
  ];
  if (all.length === 0) return null;
  return (
    <section aria-labelledby="faults">
      <h2 id="faults">{words.faults}</h2>
      <ul class="faults">
        {all.map(([severity, fault]) => (
          <li key={`${severity}:${fault.line}:${fault.column}:${fault.at}:${fault.message}`}>
            <Tag tone={severity === 'error' ? 'blocked' : 'attention'}>{words[severity]}</Tag>
            {fault.line > 0 ? (
              <button type="button" class="link" onClick={() => onGo(fault)}>
                {words.place(fault.line, fault.column)}
              </button>
            ) : (
              <span class="quiet">{words.elsewhere}</span>
            )}
            <span>
              {fault.message} {fault.at !== '' && <code>{fault.at}</code>}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
