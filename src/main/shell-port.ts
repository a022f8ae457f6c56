// SPDX-License-Identifier: Apache-2.0
// What the tray's process needs of a desktop: icon, menu, notices, one window, deep links, power, dialogs. Plain types only; shell.ts is
// the one implementation, test/fakes/electron.ts stands below it in tests.

import type { Preferences } from '../contract/tray.ts';
import type { LoginKeeper } from './login-item.ts';
import type { Command, Notice, TrayView } from './shapes.ts';

export interface TrayIcon {
  /** Draws what differs from what is shown. */
  show(view: TrayView): void;
  remove(): void;
}

export interface TrayOptions {
  /** A line of the menu was chosen. */
  readonly choose: (command: Command) => void;
  /** The icon itself was clicked, where that does not open the menu. */
  readonly click: () => void;
}

export interface WindowSize {
  readonly width: number;
  readonly height: number;
}

/** Why a window cannot go on; a short code, never a path. */
export type WindowFailure = 'renderer-gone' | 'load-failed' | 'unresponsive';

export interface WindowOptions {
  readonly address: string;
  readonly size: WindowSize;
  /** `reason`: a code, and what the runtime calls it. */
  readonly failed: (failure: WindowFailure, reason: string) => void;
  /** The last word of this window. */
  readonly closed: (size: WindowSize) => void;
}

export interface ShellWindow {
  /** To the front, and out of the task bar. */
  focus(): void;
  send(channel: string, value: unknown): void;
  /** On the screen, as far as the system says: not minimised, not hidden. */
  isShown(): boolean;
  /** At once, whatever its page says. */
  destroy(): void;
}

/** Who sent a message. */
export interface Sender {
  /** Of the frame as it is now; '' when it is gone. */
  readonly url: string;
  /** The top frame of the window that is open now? */
  readonly main: boolean;
}

export interface SchemeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

export interface SaveQuestion {
  readonly name: string;
  /** Without dot. */
  readonly extension: string;
}

export interface ShellSetup {
  /** Where Chromium keeps what is its own: never with the daemon's data. */
  readonly folder: string;
  /** Of the icons. */
  readonly icons: string;
  /** The preload file. */
  readonly preload: string;
}

export type PowerHint = 'suspend' | 'resume' | 'lock' | 'unlock';

/** Versions of the runtime, by name. */
export type Runtime = readonly { readonly name: string; readonly version: string }[];

export interface Shell {
  readonly packaged: boolean;
  readonly runtime: Runtime;
  /** False: another one runs already; it was handed this start's arguments, and this one is to end. */
  single(second: (args: readonly string[]) => void): boolean;
  /** Resolves when icon and window can be made. */
  ready(): Promise<void>;
  /** BCP 47, best first. */
  locales(): readonly string[];
  /** The system says: open this address of ours (macOS; elsewhere it is an argument). */
  onLink(open: (address: string) => void): void;
  /** The app was started again without a link (macOS: a click in the dock or finder). */
  onActivate(open: () => void): void;
  onPower(hint: (hint: PowerHint) => void): void;
  /** A helper process of the runtime ended without being told to. */
  onHelperGone(told: (reason: string) => void): void;
  /** Runs once before the end, which waits for it. */
  onQuit(work: () => Promise<void>): void;
  quit(): void;
  tray(options: TrayOptions): TrayIcon;
  /** A newer notice with the same id takes its place. */
  notify(notice: Notice, choose: (command: Command) => void): void;
  /** Answers each address of the window's scheme; call before the first window. */
  serve(answer: (method: string, url: string) => SchemeAnswer): void;
  openWindow(options: WindowOptions): ShellWindow;
  /** Answers a channel. What the handler gives crosses as it is; it must not throw. */
  handle(channel: string, handler: (sender: Sender, value: unknown) => Promise<unknown>): void;
  theme(theme: Preferences['theme']): void;
  /** Dark, by the theme and the system. */
  isDark(): boolean;
  loginKeeper(): LoginKeeper;
  /** Does the system start it at login? Only where the tray is what is registered; undefined: the system cannot say. */
  opensAtLogin(): boolean | undefined;
  /** Registers the tray, or takes it back; nothing where it is not what is registered. @throws what the disk says */
  loginItem(open: boolean): void;
  /** This start is the system's at login, where it is not told by arguments (macOS). */
  openedAtLogin(): boolean;
  copy(text: string): Promise<void>;
  /** Undefined: cancelled. */
  askWhereToSave(question: SaveQuestion): Promise<string | undefined>;
  /** The address has been judged already. */
  openOutside(url: string): Promise<void>;
}
