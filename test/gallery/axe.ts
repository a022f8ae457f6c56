// SPDX-License-Identifier: Apache-2.0
// Lets axe look at a page again and again without loading it anew.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright';

interface Axe {
  run(options: object): Promise<{ violations: { id: string; nodes: { html: string }[] }[]; passes: unknown[] }>;
}

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds, by all its rules or by those named, with where it was. Throws when it looked at nothing. */
export async function axeFinds(page: Page, where: string, rules?: readonly string[]): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(SOURCE);
  const found = await page.evaluate(
    async (options) => {
      const { axe } = window as unknown as { axe: Axe };
      const { violations, passes } = await axe.run(options);
      const told = violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 300)}`));
      return { passes: passes.length, told };
    },
    rules === undefined ? { resultTypes: ['violations'] } : { runOnly: [...rules], resultTypes: ['violations'] },
  );
  if (found.passes < (rules === undefined ? 5 : 1)) throw new Error(`axe looked at nothing: ${where}`);
  return found.told.map((violation) => `${where}: ${violation}`);
}
