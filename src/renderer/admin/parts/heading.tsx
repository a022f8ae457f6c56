// SPDX-License-Identifier: Apache-2.0
// The top of a view: its name, which takes the focus when the view is opened, what it is for, and its main action. Where somebody's roles
// let them look only, that is said here once.

import type { ComponentChildren } from 'preact';
import type { Permission } from '../../../contract/admin/access.ts';
import { Text } from '../../parts/text.tsx';
import type { Store } from '../model/store.ts';
import { rolesIn } from '../model/words.ts';
import { STRINGS } from '../strings.ts';

interface HeadingProps {
  readonly store: Store;
  readonly title: string;
  readonly text?: string;
  /** What whoever changes something here needs. */
  readonly change?: Permission;
  /** The main action; with `change` only for whoever may. */
  readonly action?: { readonly label: string; readonly onClick: () => void };
  /** To where it belongs. */
  readonly back?: { readonly href: string; readonly label: string };
  readonly children?: ComponentChildren;
}

export function Heading({ store, title, text, change, action, back, children }: HeadingProps) {
  const readOnly = change !== undefined && !store.session.can(change);
  return (
    <div class="heading">
      <div>
        {back !== undefined && (
          <p class="back">
            <a href={back.href}>{back.label}</a>
          </p>
        )}
        <h1 tabIndex={-1}>{title}</h1>
        {text !== undefined && (
          <p class="lead quiet">
            <Text>{text}</Text>
          </p>
        )}
        {readOnly && <p class="lead quiet">{STRINGS.readOnly(rolesIn(store.session))}</p>}
      </div>
      {action !== undefined && !readOnly && (
        <div class="buttons">
          <button type="button" class="primary" onClick={action.onClick}>
            {action.label}
          </button>
        </div>
      )}
      {children !== undefined && <div class="buttons">{children}</div>}
    </div>
  );
}
