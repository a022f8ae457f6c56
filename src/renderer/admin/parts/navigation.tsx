// SPDX-License-Identifier: Apache-2.0
// The way to all views that somebody's roles let them see. Folded away behind a button where there is little room.

import { hashOf, VIEWS, type View } from '../model/route.ts';
import type { Store } from '../model/store.ts';
import { STRINGS } from '../strings.ts';

const GROUPS = [
  ['fleet', ['devices', 'enrolment', 'alarms']],
  ['policy', ['policies', 'orders', 'secrets']],
  ['records', ['audit', 'admin-log', 'holds']],
  ['organisation', ['people', 'settings']],
] as const satisfies readonly (readonly [keyof typeof STRINGS.groups, readonly View[]])[];

interface NavigationProps {
  readonly store: Store;
  readonly view: View;
  readonly open: boolean;
}

export function Navigation({ store, view, open }: NavigationProps) {
  const link = (name: View) => (
    <a href={hashOf(name)} {...(name === view ? { 'aria-current': 'page' as const } : {})}>
      {STRINGS.views[name]}
      {name === 'policies' && store.editor.unsaved.value && <span class="dot" title={STRINGS.policies.unsavedTitle} />}
    </a>
  );
  return (
    <nav id="pages" class={open ? 'pages open' : 'pages'} aria-label={STRINGS.nav}>
      <ul>
        <li>{link('overview')}</li>
        {GROUPS.map(([group, views]) => {
          const permitted = views.filter((name) => store.session.can(VIEWS[name]));
          if (permitted.length === 0) return null;
          return (
            <li key={group}>
              <span class="group" id={`group-${group}`}>
                {STRINGS.groups[group]}
              </span>
              <ul aria-labelledby={`group-${group}`}>
                {permitted.map((name) => (
                  <li key={name}>{link(name)}</li>
                ))}
              </ul>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}
