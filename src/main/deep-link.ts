// SPDX-License-Identifier: Apache-2.0
// Which view an address or a command line from outside asks for. Everything that is not exactly our one link is dropped. Pure.

import { explainedId } from '../contract/tray.ts';

/** Longest argument that is looked at. Characters; an id has at most 128. */
const LONGEST = 256;

/** The view, as the part of its address after `#`, with it. */
export function hashOfLink(address: string): string | undefined {
  if (address.length > LONGEST) return undefined;
  const id = explainedId(address);
  return id === undefined ? undefined : `#/activity/${id}`;
}

const linksOf = (args: readonly string[]): readonly string[] => args.filter((arg) => /^outpost:/i.test(arg));

/** Ours or not: was this start meant for a link? */
export function holdsLink(args: readonly string[]): boolean {
  return linksOf(args).length > 0;
}

/** Of the arguments of a start. Two links: somebody tries something. */
export function hashOfArguments(args: readonly string[]): string | undefined {
  const links = linksOf(args);
  return links.length === 1 ? hashOfLink(links[0] ?? '') : undefined;
}
