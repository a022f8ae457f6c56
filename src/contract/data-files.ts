// SPDX-License-Identifier: Apache-2.0
// What the daemon leaves in its data folder for the commands and the tray: names, and the form of the first. Apart from ready.ts,
// which checks it with zod: the daemon only writes it.

/** In RUN_FILE; also what `--ready-file` receives. */
export interface Ready {
  readonly proxy_url: string;
  readonly gateway_url: string;
  readonly api_url: string;
  readonly ca_path: string;
  readonly pid: number;
  readonly version: string;
  /** The settings of device management that the daemon was told to read where the system has none. */
  readonly managed_path?: string | undefined;
}

export const RUN_FILE = 'run.json';
export const API_TOKEN_FILE = 'api-token';
export const GATEWAY_TOKEN_FILE = 'gateway-token';
/** System roots and ours, for tools that take one list (`outpost env`). */
export const BUNDLE_FILE = 'ca-bundle.pem';
