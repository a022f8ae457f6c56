// SPDX-License-Identifier: Apache-2.0
// A list in pages whose filter is in the page's address: another filter begins at its first page.

import { useMemo } from 'preact/hooks';
import type { PageWish } from '../model/filters.ts';
import type { Loading } from '../model/load.ts';
import { createPager, type Pager } from '../model/pager.ts';
import type { Query } from '../model/route.ts';
import type { Store } from '../model/store.ts';
import { useLoad } from './hooks.ts';

/** Rows of a page. */
const LIMIT = 50;

export interface List<T> {
  readonly loading: Loading<T>;
  readonly pager: Pager;
}

export function useList<T>(store: Store, query: Query, fetch: (page: PageWish) => Promise<T>): List<T> {
  const asked = JSON.stringify(query);
  // The filter's text says when it is another one.
  const pager = useMemo(createPager, [asked]);
  const after = pager.cursor.value;
  const loading = useLoad(store, () => fetch({ after, limit: LIMIT }), [pager, after]);
  return { loading, pager };
}
