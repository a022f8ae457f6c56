// SPDX-License-Identifier: Apache-2.0
// Owns: a trust store that is changed through one of the system's own programs and read through Node. Must not know which program.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { changeFrom, includesCertificate, type RunCommand, type TrustStore } from './trust-store.ts';

export interface ToolStoreOptions {
  readonly run: RunCommand;
  readonly temporaryFolder: string;
  /**
   * `tls.getCACertificates('system')`: on macOS it reads the keychains' trust settings, on Windows the certificate stores, and no
   * environment variable.
   */
  readonly systemRoots: () => readonly string[];
}

export interface StoreTool {
  /** How messages name it. */
  readonly name: string;
  /** Full path: one found through PATH could be anybody's. */
  readonly program: string;
  /** Name of the file in which it gets a certificate; the extension matters to some. */
  readonly fileName: string;
  installArgs(file: string): readonly string[];
  removeArgs(pem: string): readonly string[];
}

export function toolTrustStore(tool: StoreTool, { run, temporaryFolder, systemRoots }: ToolStoreOptions): TrustStore {
  const isTrusted = async (pem: string): Promise<boolean> => includesCertificate(systemRoots(), pem);
  return {
    readRoots: async () => systemRoots(),
    isTrusted,
    async install(pem) {
      if (await isTrusted(pem)) return { kind: 'unchanged' };
      const folder = await mkdtemp(join(temporaryFolder, 'outpost-'));
      try {
        const file = join(folder, tool.fileName);
        await writeFile(file, pem);
        return changeFrom(tool.name, await run(tool.program, tool.installArgs(file)));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    remove: async (pem) => changeFrom(tool.name, await run(tool.program, tool.removeArgs(pem))),
  };
}
