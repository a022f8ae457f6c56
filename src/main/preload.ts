// SPDX-License-Identifier: Apache-2.0
// Between page and tray: two verbs, and of channels only those of the contract. Runs in the window's sandbox, so it is bundled into one
// file. The names stand here anew because the contract's schemas would be loaded with them; the compiler keeps both lists equal.

import { contextBridge, ipcRenderer } from 'electron';
import type { Bridge, EventName, RequestName } from '../contract/tray.ts';

const REQUESTS: Readonly<Record<RequestName, true>> = {
  surroundings: true,
  prefer: true,
  about: true,
  watch: true,
  retry: true,
  recorded: true,
  usage: true,
  calls: true,
  call: true,
  doctor: true,
  act: true,
  save: true,
  copy: true,
  open: true,
};

const EVENTS: Readonly<Record<EventName, true>> = {
  link: true,
  state: true,
  check: true,
  surroundings: true,
  show: true,
};

const bridge: Bridge = {
  ask(name, value) {
    if (!Object.hasOwn(REQUESTS, name)) return Promise.reject(new Error('no such request'));
    return ipcRenderer.invoke(`outpost:${name}`, value);
  },
  on(name, callback) {
    if (!Object.hasOwn(EVENTS, name)) throw new Error('no such event');
    // Not the event itself: it leads to the sender.
    const listener = (_event: unknown, value: unknown): void => callback(value);
    ipcRenderer.on(`outpost:${name}`, listener);
    return () => {
      ipcRenderer.removeListener(`outpost:${name}`, listener);
    };
  },
};

contextBridge.exposeInMainWorld('outpost', bridge);
