// SPDX-License-Identifier: Apache-2.0
// Types of daemon.mjs, for the tests and for what packs the folder.

/** dist/daemon of this clone. */
export const DAEMON_FOLDER: string;

/** `outpost`, on Windows `outpost.exe`. */
export function executableName(platform: string): string;

export interface BuildDaemonOptions {
  /** Where to; default DAEMON_FOLDER. */
  readonly out?: string;
  /** Default: of this machine. */
  readonly platform?: string;
  readonly arch?: string;
  /** Node's program for that platform and processor; default: the project's own. */
  readonly node?: string;
  /** For Linux, without the module; no package takes this. */
  readonly withoutKoffi?: boolean;
}

export interface BuiltDaemon {
  /** How much of the executable is Node itself. */
  readonly runtimeBytes: number;
  /** What is left to do, in sentences. */
  readonly notes: readonly string[];
  /** All files that were bundled, relative to the project. */
  readonly inputs: readonly string[];
}

/** Rejects with a sentence for whoever builds. */
export function buildDaemon(options?: BuildDaemonOptions): Promise<BuiltDaemon>;
