// SPDX-License-Identifier: Apache-2.0
// The files of `DATA/org` by their names: which of them are replaced as a whole, and how one generation of the policy follows the other.
// Knows no file's meaning, but that `policy.current` and `policy.previous` are the same thing at two times.
//
// policy.current, policy.previous   all objects of one activation (container.ts)
// fresh.json                        the newest freshness document with its roots: orders outlive a restart
// state.json                        floors, trusted time, what was refused, overrides (state.ts)
// device.json, enrolment.json       keys and enrolment (enrol/)
// upload.json                       what the server has acknowledged (src/proxy/upload)

import { join } from 'node:path';
import { type FilePort, makeFolder, readOwn, replaceFile } from './files.ts';

const CURRENT = 'policy.current';
const PREVIOUS = 'policy.previous';
const NEXT = 'policy.next';

/** A bundle, two documents of 1 MB, and roots. Bytes. */
const LARGEST_POLICY = 16 * 1_048_576;

export interface OrgFolder {
  /** @throws FileNotOurs, or the system's error. */
  readBytes(name: string, most: number): Promise<Buffer | undefined>;
  read(name: string, most: number): Promise<string | undefined>;
  /**
   * The whole file or nothing; durable when it resolves. Makes the folder. One after the other, as they were asked for: state that names
   * a document is never there before it.
   */
  replace(name: string, content: string | Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
  readPolicy(which: 'current' | 'previous'): Promise<Buffer | undefined>;
  /**
   * A new current generation. Durable when it resolves.
   * @param keepCurrent the one before becomes the previous one; false: it is not what rules, and must not replace what may
   */
  activate(policy: Uint8Array, keepCurrent: boolean): Promise<void>;
  /** The same generation, otherwise written: no other one gives way. */
  rewritePolicy(which: 'current' | 'previous', policy: Uint8Array): Promise<void>;
}

const NAMES = { current: CURRENT, previous: PREVIOUS } as const;

export function openOrgFolder(path: string, port: FilePort): OrgFolder {
  const at = (name: string): string => join(path, name);
  const readBytes: OrgFolder['readBytes'] = (name, most) => readOwn(at(name), most);
  let last: Promise<void> = Promise.resolve();
  const replace: OrgFolder['replace'] = (name, content) => {
    const replaced = last.then(async () => {
      await makeFolder(path);
      await replaceFile(port, at(name), typeof content === 'string' ? Buffer.from(content, 'utf8') : content);
    });
    last = replaced.catch(() => undefined);
    return replaced;
  };
  return {
    readBytes,
    async read(name, most) {
      return (await readBytes(name, most))?.toString('utf8');
    },
    replace,
    remove: (name) => port.remove(at(name)),
    readPolicy: (which) => readBytes(NAMES[which], LARGEST_POLICY),
    async activate(policy, keepCurrent) {
      await makeFolder(path);
      await port.write(at(NEXT), policy);
      await port.sync(at(NEXT));
      // A kill between the two renames leaves the previous generation, which then rules.
      if (keepCurrent) await port.rename(at(CURRENT), at(PREVIOUS));
      await port.rename(at(NEXT), at(CURRENT));
      await port.syncFolder(path);
    },
    rewritePolicy: (which, policy) => replace(NAMES[which], policy),
  };
}
