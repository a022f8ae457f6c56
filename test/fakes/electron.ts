// SPDX-License-Identifier: Apache-2.0
// As much of Electron as src/main/shell.ts uses, without a screen: it keeps what it is told, and plays what Chromium and a person would
// do. The same assertions (electron-contract.ts) hold it and the real one to one behaviour.

import { EventEmitter } from 'node:events';
import { tmpdir } from 'node:os';

type Plain = Record<string, unknown>;

/** An event that listeners can forbid. */
export interface FakeEvent {
  defaultPrevented: boolean;
  preventDefault(): void;
}
export function fakeEvent<T extends object>(more: T): FakeEvent & T {
  return {
    ...more,
    defaultPrevented: false,
    preventDefault() {
      this.defaultPrevented = true;
    },
  };
}

class FakeApp extends EventEmitter {
  isPackaged = false;
  readonly name = 'Outpost';
  readonly paths: Record<string, string> = { exe: '/opt/outpost/outpost-tray', appData: tmpdir() };
  readonly switches = new Map<string, string>();
  readonly calls: unknown[][] = [];
  /** Is this the first start? */
  first = true;
  languages: string[] = ['en-GB', 'de'];
  readonly dock = { hide: () => this.calls.push(['dock.hide']) };
  readonly commandLine = {
    appendSwitch: (name: string, value = '') => void this.switches.set(name, value),
    hasSwitch: (name: string) => this.switches.has(name),
  };
  setPath(name: string, path: string): void {
    this.paths[name] = path;
  }
  getPath(name: string): string {
    return this.paths[name] ?? '';
  }
  enableSandbox(): void {
    this.calls.push(['enableSandbox']);
  }
  disableHardwareAcceleration(): void {
    this.calls.push(['disableHardwareAcceleration']);
  }
  requestSingleInstanceLock(): boolean {
    return this.first;
  }
  /** Chromium makes the default session as it starts. */
  async whenReady(): Promise<void> {
    session.fromPartition('');
  }
  getPreferredSystemLanguages(): string[] {
    return this.languages;
  }
  setAsDefaultProtocolClient(scheme: string): void {
    this.calls.push(['setAsDefaultProtocolClient', scheme]);
  }
  setLoginItemSettings(settings: unknown): void {
    this.calls.push(['setLoginItemSettings', settings]);
  }
  setAppUserModelId(id: string): void {
    this.calls.push(['setAppUserModelId', id]);
  }
  /** Of a Mac. */
  openedAtLogin = false;
  opensAtLogin = false;
  getLoginItemSettings(): { openAtLogin: boolean; wasOpenedAtLogin: boolean } {
    return { openAtLogin: this.opensAtLogin, wasOpenedAtLogin: this.openedAtLogin };
  }
  quit(): void {
    const event = fakeEvent({});
    this.emit('before-quit', event);
    if (!event.defaultPrevented) this.exit(0);
  }
  exit(code: number): void {
    this.calls.push(['exit', code]);
    this.emit('fake-exit');
  }
}
export const app = new FakeApp();

type Decide = (answer: never) => void;

export class FakeSession extends EventEmitter {
  readonly partition: string;
  readonly handlers = new Map<string, (request: { method: string; url: string }) => Response | Promise<Response>>();
  beforeRequest: ((details: { url: string }, decide: Decide) => void) | undefined;
  permissionRequest: ((contents: unknown, permission: string, decide: Decide) => void) | undefined;
  permissionCheck: (() => boolean) | undefined;
  devicePermission: (() => boolean) | undefined;
  verifyCertificate: ((request: unknown, decide: Decide) => void) | undefined;
  spellChecker = true;
  constructor(partition: string) {
    super();
    this.partition = partition;
  }
  readonly protocol = {
    handle: (scheme: string, handler: (request: { method: string; url: string }) => Response | Promise<Response>) =>
      void this.handlers.set(scheme, handler),
  };
  readonly webRequest = {
    onBeforeRequest: (listener: (details: { url: string }, decide: Decide) => void) => {
      this.beforeRequest = listener;
    },
  };
  get storagePath(): string | null {
    return this.partition === '' || this.partition.startsWith('persist:') ? '/somewhere' : null;
  }
  setPermissionRequestHandler(handler: typeof this.permissionRequest): void {
    this.permissionRequest = handler;
  }
  setPermissionCheckHandler(handler: typeof this.permissionCheck): void {
    this.permissionCheck = handler;
  }
  setDevicePermissionHandler(handler: typeof this.devicePermission): void {
    this.devicePermission = handler;
  }
  setCertificateVerifyProc(proc: typeof this.verifyCertificate): void {
    this.verifyCertificate = proc;
  }
  setSpellCheckerEnabled(on: boolean): void {
    this.spellChecker = on;
  }
}

const sessions = new Map<string, FakeSession>();
export const session = {
  fromPartition(partition: string): FakeSession {
    const known = sessions.get(partition);
    if (known !== undefined) return known;
    const made = new FakeSession(partition);
    sessions.set(partition, made);
    app.emit('session-created', made);
    return made;
  },
  get defaultSession(): FakeSession {
    return session.fromPartition('');
  },
};

export class FakeContents extends EventEmitter {
  readonly session: FakeSession;
  readonly mainFrame: { url: string };
  readonly sent: unknown[][] = [];
  openHandler: ((details: { url: string }) => { action: string }) | undefined;
  constructor(of: FakeSession) {
    super();
    this.session = of;
    this.mainFrame = { url: '' };
  }
  setWindowOpenHandler(handler: typeof this.openHandler): void {
    this.openHandler = handler;
  }
  send(...message: unknown[]): void {
    this.sent.push(message);
  }
  getURL(): string {
    return this.mainFrame.url;
  }
}

export class BrowserWindow extends EventEmitter {
  static readonly all: BrowserWindow[] = [];
  readonly options: Plain & { webPreferences: Plain };
  readonly webContents: FakeContents;
  visible = false;
  minimized = false;
  destroyed = false;
  menuBar = true;
  focused = 0;
  private size: [number, number];
  constructor(options: Plain & { webPreferences: Plain }) {
    super();
    this.options = options;
    this.size = [Number(options['width']), Number(options['height'])];
    this.webContents = new FakeContents(session.fromPartition(String(options.webPreferences['partition'] ?? '')));
    BrowserWindow.all.push(this);
    app.emit('web-contents-created', {}, this.webContents);
  }
  static getAllWindows(): BrowserWindow[] {
    return BrowserWindow.all.filter((window) => !window.destroyed);
  }
  async loadURL(url: string): Promise<void> {
    this.webContents.mainFrame.url = url;
    this.emit('ready-to-show');
  }
  show(): void {
    this.visible = true;
  }
  focus(): void {
    this.focused++;
  }
  isMinimized(): boolean {
    return this.minimized;
  }
  isVisible(): boolean {
    return this.visible;
  }
  restore(): void {
    this.minimized = false;
  }
  isDestroyed(): boolean {
    return this.destroyed;
  }
  setMenuBarVisibility(on: boolean): void {
    this.menuBar = on;
  }
  getSize(): number[] {
    return [...this.size];
  }
  /** The person pulls at a corner. */
  resizeTo(width: number, height: number): void {
    this.size = [width, height];
    this.emit('resize');
  }
  destroy(): void {
    this.destroyed = true;
    this.emit('closed');
  }
}

export interface FakeMenuItem {
  readonly label?: string;
  readonly type?: string;
  readonly role?: string;
  readonly enabled?: boolean;
  readonly click?: () => void;
  readonly submenu?: FakeMenuItem[];
}
export class Menu {
  readonly items: readonly FakeMenuItem[];
  static application: Menu | undefined;
  constructor(items: readonly FakeMenuItem[]) {
    this.items = items;
  }
  static buildFromTemplate(items: readonly FakeMenuItem[]): Menu {
    return new Menu(items);
  }
  static setApplicationMenu(menu: Menu): void {
    Menu.application = menu;
  }
}

export const nativeImage = { createFromPath: (path: string) => ({ path, setTemplateImage: () => undefined }) };

export class Tray extends EventEmitter {
  static readonly all: Tray[] = [];
  image: { path: string };
  toolTip = '';
  readonly menus: Menu[] = [];
  constructor(image: { path: string }) {
    super();
    this.image = image;
    Tray.all.push(this);
  }
  setImage(image: { path: string }): void {
    this.image = image;
  }
  setToolTip(text: string): void {
    this.toolTip = text;
  }
  setContextMenu(menu: Menu): void {
    this.menus.push(menu);
  }
  destroy(): void {}
}

export class Notification extends EventEmitter {
  static readonly shown: Notification[] = [];
  readonly options: { title: string; body: string };
  closed = false;
  constructor(options: { title: string; body: string }) {
    super();
    this.options = options;
  }
  static isSupported(): boolean {
    return true;
  }
  show(): void {
    Notification.shown.push(this);
  }
  close(): void {
    this.closed = true;
    this.emit('close');
  }
}

export const privileged: { scheme: string; privileges: Plain }[] = [];
export const protocol = {
  registerSchemesAsPrivileged: (schemes: { scheme: string; privileges: Plain }[]) => void privileged.push(...schemes),
};

export const channels = new Map<string, (event: unknown, value: unknown) => Promise<unknown>>();
export const ipcMain = {
  handle: (channel: string, handler: (event: unknown, value: unknown) => Promise<unknown>) =>
    void channels.set(channel, handler),
};

export const nativeTheme = { themeSource: 'system', shouldUseDarkColors: false };
export const powerMonitor = new EventEmitter();
export const copied: string[] = [];
export const clipboard = { writeText: async (text: string) => void copied.push(text) };
export const opened: string[] = [];
export const shell = { openExternal: async (url: string) => void opened.push(url) };
export const asked: unknown[][] = [];
/** What the person answers to the next question where to save. */
export const saving: { answer: { canceled: boolean; filePath: string } } = {
  answer: { canceled: true, filePath: '' },
};
export const dialog = {
  async showSaveDialog(...question: unknown[]) {
    asked.push(question);
    return saving.answer;
  },
};

/** The preload's side. */
export const exposed = new Map<string, unknown>();
export const contextBridge = { exposeInMainWorld: (name: string, value: unknown) => void exposed.set(name, value) };
export const invoked: unknown[][] = [];
export const ipcRenderer = Object.assign(new EventEmitter(), {
  invoke: async (...what: unknown[]) => {
    invoked.push(what);
    return 'answer';
  },
});
