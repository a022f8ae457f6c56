// SPDX-License-Identifier: Apache-2.0
// What the page takes from the browser that it runs in: storage, clipboard, tabs, downloads. Knows no view.

import type { HttpPageParts } from '../client/http-page.ts';

function follow(address: string, part: Partial<HTMLAnchorElement>): void {
  const link = Object.assign(document.createElement('a'), { href: address, rel: 'noopener noreferrer' }, part);
  link.click();
}

export const browserParts: Pick<HttpPageParts, 'languages' | 'storage' | 'copy' | 'openTab' | 'download'> = {
  languages: navigator.languages,
  storage: () => localStorage,
  copy: (text) => navigator.clipboard.writeText(text),
  openTab: (url) => follow(url, { target: '_blank' }),
  download: (path) => follow(path, { download: '' }),
};
