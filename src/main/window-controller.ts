// SPDX-License-Identifier: Apache-2.0
// The one window: made when it is asked for, gone when it is closed, so that the tray alone costs no page. Remembers its size.

import type { EventName, EventValue } from '../contract/tray.ts';
import { WINDOW_ORIGIN } from './security.ts';
import type { Shell, ShellWindow, WindowSize } from './shell-port.ts';

const FIRST_SIZE: WindowSize = { width: 960, height: 720 };

export interface WindowControllerParts {
  readonly shell: Pick<Shell, 'openWindow'>;
  /** It ended by a fault: a code, and what the runtime calls it. */
  readonly failed: (reason: string) => void;
  readonly closed: () => void;
}

export interface WindowController {
  readonly isOpen: () => boolean;
  /** Open, and on the screen. */
  readonly isShown: () => boolean;
  /** Opens it, or brings it to the front, at a view: the part of its address after `#`, with it. */
  open(hash: string): void;
  /** The page has loaded and hears what it is told from now on. */
  listens(): void;
  /** Nothing, while there is no window that listens. */
  tell<N extends EventName>(name: N, value: EventValue<N>): void;
  close(): void;
}

export function createWindowController({ shell, failed, closed }: WindowControllerParts): WindowController {
  let window: ShellWindow | undefined;
  let listening = false;
  /** A view that was asked for while the page was still loading. */
  let wanted: string | undefined;
  let size = FIRST_SIZE;

  const tell = <N extends EventName>(name: N, value: EventValue<N>): void => {
    if (listening) window?.send(`outpost:${name}`, value);
  };
  const forget = (): void => {
    window = undefined;
    listening = false;
    wanted = undefined;
    closed();
  };

  const make = (hash: string): ShellWindow => {
    let mine: ShellWindow | undefined;
    const isCurrent = (): boolean => mine !== undefined && window === mine;
    mine = shell.openWindow({
      address: `${WINDOW_ORIGIN}/${hash}`,
      size,
      failed(failure, reason) {
        if (!isCurrent()) return;
        const gone = mine;
        forget();
        gone?.destroy();
        failed(failure === reason ? failure : `${failure}: ${reason}`);
      },
      closed(last) {
        size = last;
        if (isCurrent()) forget();
      },
    });
    return mine;
  };

  return {
    isOpen: () => window !== undefined,
    isShown: () => window?.isShown() ?? false,
    open(hash) {
      if (window === undefined) {
        window = make(hash);
        return;
      }
      if (listening) tell('show', { hash });
      else wanted = hash;
      window.focus();
    },
    listens() {
      if (window === undefined) return;
      listening = true;
      if (wanted !== undefined) tell('show', { hash: wanted });
      wanted = undefined;
    },
    tell,
    close: () => window?.destroy(),
  };
}
