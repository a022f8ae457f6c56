// SPDX-License-Identifier: Apache-2.0
// Meets Electron: the only file of the tray's process that does. Puts security.ts into force and turns Electron's things into the plain
// ones of shell-port.ts. Decides nothing else. The same bundle runs on Electron 25 and 45: what changed between them is awaited or looked for.

import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  app,
  BrowserWindow,
  clipboard,
  shell as desktop,
  dialog,
  ipcMain,
  Menu,
  Notification,
  nativeImage,
  nativeTheme,
  powerMonitor,
  protocol,
  type Session,
  session,
  Tray,
  type WebContents,
} from 'electron';
import { type LoginKeeper, loginKeeperOf } from './login-item.ts';
import { mayLoad, SCHEME, SWITCHES, WEB_PREFERENCES } from './security.ts';
import type { Notice, TrayView } from './shapes.ts';
import { readAutostart, writeAutostart } from './shell-autostart.ts';
import { iconFile, menuItems, noticeBody } from './shell-menu.ts';
import type { Sender, Shell, ShellSetup, TrayIcon, WindowOptions } from './shell-port.ts';

/** Links from outside: `outpost://…`, not to be mixed up with the window's own scheme. */
const LINK_SCHEME = 'outpost';
/** Without `persist:` it lives in memory: nothing of the window is kept. */
const PARTITION = 'outpost-window';
/** Of the packages (electron-builder.yml). Without it Windows shows no notices. */
const APP_ID = 'org.outpost.agent';
/** Of the window. Two columns need as much. */
const SMALLEST = { minWidth: 380, minHeight: 480 };
/** Behind the page until it is drawn: `--ground` of styles/base.css, so that nothing flashes. */
const PAPER = { light: '#f5f7f7', dark: '#111716' };

function guardSession(one: Session): void {
  one.webRequest.onBeforeRequest(({ url }, decide) => decide({ cancel: !mayLoad(url) }));
  one.setPermissionRequestHandler((_contents, _permission, decide) => decide(false));
  one.setPermissionCheckHandler(() => false);
  one.setDevicePermissionHandler(() => false);
  // -2: failed. No certificate is ever right here.
  one.setCertificateVerifyProc((_request, decide) => decide(-2));
  one.on('will-download', (event) => event.preventDefault());
  one.setSpellCheckerEnabled(false);
}

function guardContents(contents: WebContents): void {
  contents.on('will-navigate', (event) => event.preventDefault());
  contents.on('will-frame-navigate', (event) => event.preventDefault());
  contents.on('will-redirect', (event) => event.preventDefault());
  contents.on('will-attach-webview', (event) => event.preventDefault());
  // The other way round: a page does not keep its window from closing.
  contents.on('will-prevent-unload', (event) => event.preventDefault());
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}

/** All that has to be said before Chromium starts. */
function prepare({ folder }: ShellSetup): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of ['userData', 'sessionData', 'crashDumps'] as const) app.setPath(name, folder);
  for (const [name, value] of SWITCHES) {
    if (value === undefined) app.commandLine.appendSwitch(name);
    else app.commandLine.appendSwitch(name, value);
  }
  // Whoever may add switches has the machine anyway; in containers (tests) there is no other way to start.
  if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox();
  if (process.platform === 'win32') app.setAppUserModelId(APP_ID);
  // A page of text: a graphics process with a driver in it costs more than it gives.
  app.disableHardwareAcceleration();
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges: { standard: true, secure: true } }]);
  app.on('session-created', guardSession);
  app.on('web-contents-created', (_event, contents) => guardContents(contents));
  app.on('certificate-error', (event, _contents, _url, _error, _certificate, decide) => {
    event.preventDefault();
    decide(false);
  });
  // Closing the window is not the end of the tray.
  app.on('window-all-closed', () => undefined);
}

/** Shortcuts of the window; it shows no menu bar except where the system has one for all apps. */
function windowMenu(): Menu {
  return Menu.buildFromTemplate([
    ...(process.platform === 'darwin' ? [{ role: 'appMenu' as const }] : []),
    { role: 'editMenu' },
    {
      role: 'window',
      submenu: [
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'minimize' },
        { role: 'close' },
      ],
    },
  ]);
}

function loginKeeper(): LoginKeeper {
  const { platform, env } = process;
  return loginKeeperOf({ platform, packaged: app.isPackaged, exe: app.getPath('exe'), env, isFile: existsSync });
}

/** Electron, behind the port. Call once, before anything else. */
export function createShell(setup: ShellSetup): Shell {
  prepare(setup);
  const notices = new Map<string, Notification>();
  let open: BrowserWindow | undefined;
  let ending: Promise<void> | undefined;

  const senderOf = (event: Electron.IpcMainInvokeEvent): Sender => {
    const frame = event.senderFrame;
    const contents = open?.webContents;
    return {
      url: frame?.url ?? '',
      main: frame !== null && contents !== undefined && event.sender === contents && frame === contents.mainFrame,
    };
  };

  const openWindow = ({ address, size, failed, closed }: WindowOptions) => {
    const window = new BrowserWindow({
      ...size,
      ...SMALLEST,
      show: false,
      title: app.name,
      icon: join(setup.icons, iconFile(process.platform, 'ok')),
      backgroundColor: nativeTheme.shouldUseDarkColors ? PAPER.dark : PAPER.light,
      webPreferences: {
        ...WEB_PREFERENCES,
        devTools: !app.isPackaged,
        preload: setup.preload,
        partition: PARTITION,
      },
    });
    open = window;
    window.setMenuBarVisibility(false);
    let last = { ...size };
    window.on('resize', () => {
      const [width = last.width, height = last.height] = window.getSize();
      last = { width, height };
    });
    window.once('ready-to-show', () => window.show());
    window.on('unresponsive', () => failed('unresponsive', 'unresponsive'));
    window.on('closed', () => {
      if (open === window) open = undefined;
      closed(last);
    });
    window.webContents.on('render-process-gone', (_event, { reason }) => {
      if (reason !== 'clean-exit') failed('renderer-gone', reason);
    });
    window.webContents.on('did-fail-load', (_event, code, _text, _url, isMain) => {
      if (isMain) failed('load-failed', `error ${code}`);
    });
    // What fails is told by the event above.
    window.loadURL(address).catch(() => undefined);
    return {
      focus() {
        if (window.isMinimized()) window.restore();
        window.show();
        window.focus();
      },
      send(channel: string, value: unknown) {
        if (!window.isDestroyed()) window.webContents.send(channel, value);
      },
      isShown: () => !window.isDestroyed() && window.isVisible() && !window.isMinimized(),
      destroy() {
        if (!window.isDestroyed()) window.destroy();
      },
    };
  };

  return {
    packaged: app.isPackaged,
    runtime: [
      { name: 'Electron', version: process.versions.electron ?? '' },
      { name: 'Chromium', version: process.versions.chrome ?? '' },
      { name: 'Node.js', version: process.versions.node },
    ],
    single(second) {
      app.on('second-instance', (_event, args) => second(args));
      return app.requestSingleInstanceLock();
    },
    async ready() {
      await app.whenReady();
      Menu.setApplicationMenu(windowMenu());
      app.dock?.hide();
      // Elsewhere the package does it; a start from a checkout must not take links away from an installed app.
      if (app.isPackaged && process.platform !== 'linux') app.setAsDefaultProtocolClient(LINK_SCHEME);
    },
    locales: () => app.getPreferredSystemLanguages(),
    onLink: (take) => {
      app.on('open-url', (event, address) => {
        event.preventDefault();
        take(address);
      });
    },
    onActivate: (take) => {
      app.on('activate', () => take());
    },
    onPower(hint) {
      powerMonitor.on('suspend', () => hint('suspend'));
      powerMonitor.on('resume', () => hint('resume'));
      powerMonitor.on('lock-screen', () => hint('lock'));
      powerMonitor.on('unlock-screen', () => hint('unlock'));
    },
    onHelperGone: (told) => {
      app.on('child-process-gone', (_event, { type, reason }) => {
        if (reason !== 'clean-exit' && ending === undefined) told(`${type}: ${reason}`);
      });
    },
    onQuit: (work) => {
      app.on('before-quit', (event) => {
        event.preventDefault();
        ending ??= work()
          .catch(() => undefined)
          .then(() => app.exit(0));
      });
    },
    quit: () => app.quit(),
    tray({ choose, click }): TrayIcon {
      const image = (view: TrayView) => {
        const icon = nativeImage.createFromPath(join(setup.icons, iconFile(process.platform, view.icon)));
        if (process.platform === 'darwin') icon.setTemplateImage(true);
        return icon;
      };
      let icon: Tray | undefined;
      let shown: TrayView | undefined;
      return {
        show(view) {
          if (icon === undefined) {
            icon = new Tray(image(view));
            // On a Mac a click opens the menu.
            if (process.platform !== 'darwin') icon.on('click', click);
          } else if (shown?.icon !== view.icon) icon.setImage(image(view));
          if (shown?.tooltip !== view.tooltip) icon.setToolTip(view.tooltip);
          // A menu that is set anew closes while somebody reads it.
          if (JSON.stringify(shown?.menu) !== JSON.stringify(view.menu)) {
            icon.setContextMenu(Menu.buildFromTemplate(menuItems(view.menu, process.platform, choose)));
          }
          shown = view;
        },
        remove: () => icon?.destroy(),
      };
    },
    notify(notice: Notice, choose) {
      if (!Notification.isSupported()) return;
      notices.get(notice.id)?.close();
      const made = new Notification({ title: notice.title, body: noticeBody(notice.body, process.platform) });
      const forget = () => {
        if (notices.get(notice.id) === made) notices.delete(notice.id);
      };
      made.on('click', () => {
        forget();
        choose(notice.command);
      });
      made.on('close', forget);
      notices.set(notice.id, made);
      made.show();
    },
    serve(answer) {
      session.fromPartition(PARTITION).protocol.handle(SCHEME, ({ method, url }) => {
        const { status, headers, body } = answer(method, url);
        return new Response(body === undefined ? null : Uint8Array.from(body), { status, headers: { ...headers } });
      });
    },
    openWindow,
    handle: (channel, handler) => ipcMain.handle(channel, (event, value: unknown) => handler(senderOf(event), value)),
    theme: (theme) => {
      nativeTheme.themeSource = theme;
    },
    isDark: () => nativeTheme.shouldUseDarkColors,
    loginKeeper,
    opensAtLogin() {
      if (loginKeeper().by !== 'tray') return undefined;
      return process.platform === 'linux'
        ? readAutostart(app.getPath('appData'))
        : app.getLoginItemSettings().openAtLogin;
    },
    loginItem(wanted) {
      const keeper = loginKeeper();
      if (keeper.by !== 'tray') return;
      if (process.platform === 'linux') writeAutostart(app.getPath('appData'), keeper.program, wanted);
      else app.setLoginItemSettings({ openAtLogin: wanted });
    },
    openedAtLogin: () => process.platform === 'darwin' && app.getLoginItemSettings().wasOpenedAtLogin,
    async copy(text) {
      // A promise since Electron 44.
      await clipboard.writeText(text);
    },
    async askWhereToSave({ name, extension }) {
      const options = { defaultPath: name, filters: [{ name: extension, extensions: [extension] }] };
      const { canceled, filePath } = await (open === undefined
        ? dialog.showSaveDialog(options)
        : dialog.showSaveDialog(open, options));
      return canceled || filePath === undefined || filePath === '' ? undefined : filePath;
    },
    openOutside: (url) => desktop.openExternal(url),
  };
}
