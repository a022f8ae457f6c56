// SPDX-License-Identifier: Apache-2.0
// The environment that the tray gives to programs: what belongs to its own runtime stays with it. Pure.

/**
 * What would change how a Node program runs, or make an Electron one of it. The proxy's own settings stay: the daemon decides itself
 * what it believes of them.
 */
const OURS = /^(?:ELECTRON_|NODE_|CHROME_DESKTOP$|ORIGINAL_XDG_CURRENT_DESKTOP$)/i;

export function programEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OURS.test(name)));
}
