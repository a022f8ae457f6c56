// SPDX-License-Identifier: Apache-2.0
// Parts of a view, each with an address of its own.

interface Tab {
  readonly href: string;
  readonly label: string;
  readonly current: boolean;
}

export function Tabs({ label, tabs }: { readonly label: string; readonly tabs: readonly Tab[] }) {
  return (
    <nav class="tabs" aria-label={label}>
      <ul>
        {tabs.map((tab) => (
          <li key={tab.href}>
            <a href={tab.href} {...(tab.current ? { 'aria-current': 'page' as const } : {})}>
              {tab.label}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
