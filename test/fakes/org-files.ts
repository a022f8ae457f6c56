// SPDX-License-Identifier: Apache-2.0
// The folder of the organisation in memory. Does what a disk does when nothing goes wrong.

import type { OrgFiles } from '../../src/proxy/sync/enrol/enrolment-file.ts';

export function fakeOrgFiles(change: Partial<OrgFiles> = {}): {
  readonly files: OrgFiles;
  readonly disk: Map<string, string>;
} {
  const disk = new Map<string, string>();
  const files: OrgFiles = {
    read: async (name) => disk.get(name),
    async replace(name, content) {
      disk.set(name, typeof content === 'string' ? content : Buffer.from(content).toString('utf8'));
    },
    async remove(name) {
      disk.delete(name);
    },
    ...change,
  };
  return { files, disk };
}
