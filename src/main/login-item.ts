// SPDX-License-Identifier: Apache-2.0
// Who starts the tray at login, and what that means for the person's choice: what the switch shows must be true. Pure but for the look at
// what exists, which is passed in. Knows neither Electron nor the files.

import type { Preferences } from '../contract/tray.ts';

export type LoginKeeper =
  /** A checkout, or a place that is gone after the next login: the choice cannot be kept. */
  | { readonly by: 'nobody' }
  /** An entry for all people of the machine (XDG autostart, HKLM Run). It stays; the tray ends at once where its person does not want it. */
  | { readonly by: 'package' }
  /** The tray has itself registered. `program`: what is to be started. */
  | { readonly by: 'tray'; readonly program: string };

export interface LoginParts {
  readonly platform: NodeJS.Platform;
  readonly packaged: boolean;
  /** Of this process. */
  readonly exe: string;
  readonly env: NodeJS.ProcessEnv;
  readonly isFile: (path: string) => boolean;
}

/** As electron-builder.yml has deb and rpm lay them. */
const PACKAGE_PROGRAM = '/opt/Outpost/outpost-tray';
const PACKAGE_ENTRY = '/etc/xdg/autostart/outpost-tray.desktop';

export function loginKeeperOf({ platform, packaged, exe, env, isFile }: LoginParts): LoginKeeper {
  if (!packaged) return { by: 'nobody' };
  switch (platform) {
    case 'win32':
      // MSI and NSIS write HKLM Run. Electron's call would edit HKCU: a second entry, and none switched off.
      return { by: 'package' };
    case 'darwin':
      // From a disk image, or from where macOS runs what was downloaded: neither is there at the next login.
      return /^\/Volumes\/|\/AppTranslocation\//.test(exe) ? { by: 'nobody' } : { by: 'tray', program: exe };
    case 'linux': {
      if (exe === PACKAGE_PROGRAM && isFile(PACKAGE_ENTRY)) return { by: 'package' };
      const { APPIMAGE: image, APPDIR: mount } = env;
      // Whatever is started from an AppImage inherits its variables.
      const isImage = mount !== undefined && mount !== '' && exe.startsWith(`${mount}/`);
      if (!isImage) return { by: 'tray', program: exe };
      return image?.startsWith('/') === true && isFile(image) ? { by: 'tray', program: image } : { by: 'nobody' };
    }
    default:
      return { by: 'nobody' };
  }
}

/** What a start of the tray has to do. */
export interface LoginStart {
  /** What the switch is to show. */
  readonly open: boolean;
  /** To be registered, or not; undefined: nothing is to be changed. */
  readonly register?: boolean;
}

/**
 * @param first is there no choice of the person's yet?
 * @param registered what the system says now; undefined: it cannot say
 */
export function loginAtStart(
  keeper: LoginKeeper,
  { open_at_login: wanted }: Preferences,
  { first, registered }: { readonly first: boolean; readonly registered: boolean | undefined },
): LoginStart {
  if (keeper.by !== 'tray') return { open: wanted };
  if (first) return { open: wanted, register: wanted };
  // The system's own settings may have been used meanwhile. What is registered is registered anew: the program may have moved.
  const open = registered ?? wanted;
  return open ? { open, register: true } : { open };
}

/** Is the system to be told of a choice? Undefined: no. */
export function loginOnChange(keeper: LoginKeeper, before: Preferences, now: Preferences): boolean | undefined {
  return keeper.by === 'tray' && before.open_at_login !== now.open_at_login ? now.open_at_login : undefined;
}

/** Started by the package's entry for a person who does not want that. @param shows does this start show a window? */
export function endsAtOnce(keeper: LoginKeeper, { open_at_login: wanted }: Preferences, shows: boolean): boolean {
  return keeper.by === 'package' && !wanted && !shows;
}
