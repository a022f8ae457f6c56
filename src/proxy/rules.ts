// SPDX-License-Identifier: Apache-2.0
// Wiring: whose rules hold on this device, the local file's or an organisation's, and all that an organisation brings: enrolment, sync,
// upload. Changes from one to the other while the daemon runs. Decides nothing.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { EventBody } from '../contract/audit-row.ts';
import type { Clock, Timer } from '../contract/clock.ts';
import type { Log } from '../contract/log.ts';
import type { StatusRequest } from '../contract/sync/messages.ts';
import type { AuditLog } from './audit/audit-log.ts';
import type { AuditSettings } from './audit/writer-protocol.ts';
import { deviceFacts } from './device-facts.ts';
import type { Health } from './health/registry.ts';
import { openKeyStore } from './os/key-store/open.ts';
import { readManagedSettings } from './os/managed-settings/managed-settings.ts';
import type { PolicyStore } from './policy/policy.ts';
import { openPolicyStore } from './policy/store.ts';
import { createSwitchingStore } from './policy/switching-store.ts';
import { type KeptEnrolment, keepEnrolled, managementOf, orgKeysOf, readOrganisation } from './sync/enrol/boot.ts';
import type { Target } from './sync/enrol/enrolment-file.ts';
import { openKeyFile } from './sync/enrol/key-file.ts';
import type { Membership } from './sync/enrol/membership.ts';
import { filePort } from './sync/files.ts';
import { createHttp } from './sync/http.ts';
import { openOrgFolder } from './sync/org-folder.ts';
import type { EnrolledAs, Organisation } from './sync/org-types.ts';
import { openOrganisation } from './sync/organisation.ts';
import type { UploadTarget } from './upload/upload-protocol.ts';
import { createUploader, type Uploader } from './upload/uploader.ts';
import { VERSION } from './version.ts';
import { type OrgWarnings, warnOfOrganisation } from './watch-organisation.ts';

/** Keys are rotated when they are due; that is looked at this often. Milliseconds. */
const ROTATION_LOOK_MS = 3_600_000;

export interface RulesOptions {
  readonly configPath: string;
  /** The user named it. */
  readonly configRequired: boolean;
  readonly dataDir: string;
  /** Settings of device management that the user named; obeyed only where the system has none. */
  readonly managedPath: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly log: Log;
}

/** What there is only once the daemon has more than its rules. */
export interface RulesParts {
  readonly audit: AuditLog;
  /** `auditSettings` has changed. */
  readonly configureAudit: () => void;
  readonly auditDir: string;
  readonly health: Health;
  /** PEM: whom we trust, our own authority left out. */
  readonly roots: () => Promise<readonly string[]>;
}

export interface Rules {
  /** Follows from one source to the other. */
  readonly store: PolicyStore;
  /** undefined: this device has none. */
  readonly organisation: () => Organisation | undefined;
  readonly uploader: () => Uploader | undefined;
  readonly auditSettings: () => AuditSettings;
  /** Starts what asks others. Once. */
  begin(parts: RulesParts): void;
  /** Calls back when something that is shown of the organisation has changed. Returns the unsubscribe. */
  onChange(listener: () => void): () => void;
  /** The machine slept. */
  woke(): void;
  close(): Promise<void>;
}

/** Rejects with a sentence for the operator: a first configuration that is bad, an organisation whose rules cannot be checked. */
export async function openRules(options: RulesOptions): Promise<Rules> {
  const rules = new DeviceRules(options);
  await rules.open();
  return rules;
}

class DeviceRules implements Rules {
  readonly #options: RulesOptions;
  readonly #listeners = new Set<() => void>();
  readonly #parts = Promise.withResolvers<RulesParts>();
  /** Told before there is a log to tell it to. */
  readonly #early: EventBody[] = [];
  #store: ReturnType<typeof createSwitchingStore> | undefined;
  #keepers: Awaited<ReturnType<typeof readMembership>> | undefined;
  #begun: RulesParts | undefined;
  #warnings: OrgWarnings | undefined;
  #kept: KeptEnrolment | undefined;
  #rotation: Timer | undefined;
  #member: Membership | undefined;
  #organisation: Organisation | undefined;
  #enrolledAs: EnrolledAs | undefined;
  #uploader: Uploader | undefined;
  /** Once they were read; a signature needs no wait for them. */
  #roots: readonly string[] | undefined;
  #turn: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: RulesOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { log } = this.#options;
    this.#keepers = await readMembership(this.#options);
    const { found, managed } = this.#keepers;
    if (managed.kind === 'problem') log.error('managed-settings-ignored', { ...managed });
    if (found.mode === 'stand-alone') {
      this.#store = createSwitchingStore(await this.#openFile(), log);
      return;
    }
    this.#member = found.member;
    this.#store = createSwitchingStore((await this.#openOrganisation(found.target, found.member)).store, log);
    if (this.#options.configRequired) log.warn('config-not-used', { why: 'the organisation’s policy rules' });
  }

  get store(): PolicyStore {
    return this.#opened.store;
  }

  get #opened() {
    if (this.#store === undefined) throw new Error('the rules are not open');
    return { store: this.#store, ...this.#membership };
  }

  get #membership() {
    if (this.#keepers === undefined) throw new Error('the rules are not open');
    return this.#keepers;
  }

  organisation = (): Organisation | undefined => this.#organisation;
  uploader = (): Uploader | undefined => this.#uploader;

  auditSettings = (): AuditSettings => {
    const settings = this.store.current.settings.audit;
    const { mode } = this.#opened.found;
    const isMember = this.#organisation !== undefined || mode === 'organisation';
    return isMember ? { ...settings, unsentFrom: this.#uploader?.status().unsentFrom ?? '' } : settings;
  };

  begin(parts: RulesParts): void {
    const { clock, log } = this.#options;
    const { found, managed, files, keyFile, orgDir } = this.#opened;
    this.#begun = parts;
    this.#parts.resolve(parts);
    for (const event of this.#early.splice(0)) parts.audit.event(event);
    this.#warnings = warnOfOrganisation(parts.health);
    if (managed.kind === 'problem') this.#warnings.settingsIgnored(managed);
    void parts.roots().then(
      (roots) => {
        this.#roots = roots;
        this.#uploader?.flushNow();
      },
      (error: unknown) => log.error('roots-not-read', { error: String(error) }),
    );
    this.#kept = keepEnrolled({
      files,
      keyFile,
      folder: orgDir,
      managed: managed.kind === 'settings' ? managed : undefined,
      found,
      facts: deviceFacts(),
      connect: (target) =>
        createHttp({ url: target.url, roots: () => this.#rootsFor(target.ca), version: VERSION, clock }),
      trustedNow: () => this.#organisation?.trustedNow() ?? clock.now(),
      random: Math.random,
      clock,
      log,
    });
    this.#kept.onEnrolled((member) => this.#inTurn(() => this.#join(member)));
    this.#kept.onLeft(() => this.#inTurn(() => this.#leave()));
    this.#kept.onTrouble((trouble) => this.#warnings?.trouble(trouble));
    this.#rotation = clock.every(ROTATION_LOOK_MS, () => void this.#kept?.rotateIfDue());
    if (this.#organisation !== undefined) {
      this.#warnings.conditions(this.#organisation.conditions());
      this.#startUpload();
    }
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  woke(): void {
    this.#organisation?.woke();
    this.#uploader?.flushNow();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#rotation?.clear();
    await this.#kept?.close();
    await this.#turn;
    await this.#uploader?.close();
    await this.#organisation?.close();
    this.#store?.close();
    this.#listeners.clear();
  }

  /** One change after the other. */
  #inTurn(change: () => Promise<void>): void {
    this.#turn = this.#turn.then(async () => {
      if (this.#closed) return;
      try {
        await change();
      } catch (error) {
        this.#options.log.error('organisation-not-opened', { error: String(error) });
      }
      this.#changed();
    });
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #openFile(): Promise<PolicyStore> {
    const { configPath: path, configRequired, env, clock, log } = this.#options;
    return openPolicyStore({ path, mayBeAbsent: !configRequired, env, clock, log });
  }

  async #join(member: Membership): Promise<void> {
    const { enrolment } = member;
    const before = this.#organisation;
    const hadKeys = this.#member?.keys.kind === 'keys';
    this.#member = member;
    // Other keys of the same device: they are asked for before each use.
    const isSame = before !== undefined && hadKeys && isEnrolledAs(this.#enrolledAs, enrolment);
    if (isSame) return void before.syncNow();
    const opened = await this.#openOrganisation(enrolment, member);
    this.#opened.store.use(opened.store);
    await this.#uploader?.close();
    await before?.close();
    this.#onEvent('enrolled', { org: enrolment.org, device: enrolment.device });
    this.#startUpload();
    void opened.syncNow();
  }

  async #leave(): Promise<void> {
    const before = this.#organisation;
    this.#opened.store.use(await this.#openFile());
    this.#member = undefined;
    this.#organisation = undefined;
    this.#enrolledAs = undefined;
    this.#warnings?.conditions([]);
    await this.#uploader?.close();
    this.#uploader = undefined;
    await before?.close();
  }

  async #openOrganisation(target: Target, member: Membership | undefined): Promise<Organisation> {
    const { dataDir, env, clock, log } = this.#options;
    const { managed } = this.#membership;
    const enrolledAs = member?.enrolment ?? { ...target, device: '', ring: 'none' };
    const opened = await openOrganisation({
      dataDir,
      enrolment: enrolledAs,
      keys: () => (this.#member?.keys.kind === 'keys' ? orgKeysOf(this.#member.keys.keys) : undefined),
      management: managementOf(managed.kind === 'settings' ? managed : undefined),
      roots: () => this.#rootsFor(target.ca),
      surroundings: () => ({
        facts: deviceFacts(),
        queue: queueOf(this.#uploader),
        warnings: this.#begun?.health.items().map(({ code }) => code) ?? [],
      }),
      env,
      version: VERSION,
      clock,
      log,
      random: Math.random,
      onEvent: (event, detail) => this.#onEvent(event, detail),
      onConditions: (conditions) => this.#warnings?.conditions(conditions),
    });
    this.#organisation = opened;
    this.#enrolledAs = enrolledAs;
    opened.onChange(() => {
      const kid = this.#member?.enrolment.kid;
      if (opened.status().reenroll && kid !== undefined) this.#kept?.reenrol(kid);
      this.#changed();
    });
    return opened;
  }

  async #rootsFor(extra: readonly string[]): Promise<readonly string[]> {
    const { roots } = await this.#parts.promise;
    return [...(await roots()), ...extra];
  }

  #onEvent(event: EventBody['event'], detail: EventBody['detail']): void {
    const row: EventBody = { kind: 'event', event, detail };
    if (this.#begun === undefined) this.#early.push(row);
    else this.#begun.audit.event(row);
  }

  #startUpload(): void {
    const { clock, log } = this.#options;
    const begun = this.#begun;
    if (begun === undefined) return;
    const uploader = createUploader({
      auditDir: begun.auditDir,
      orgDir: this.#opened.orgDir,
      audit: begun.audit,
      target: () => this.#uploadTarget(),
      settings: () => {
        const { flushMs, flushRows } = this.store.current.settings.organisation.upload;
        return { flushSeconds: flushMs / 1000, flushRows };
      },
      clock,
      log,
      random: Math.random,
      onEvent: (event) => {
        if (event.kind === 'clock') this.#organisation?.clockTold(event.now);
        else if (event.kind === 'reenroll' || event.kind === 'revoked') this.#organisation?.refused(event.kind);
        else this.#warnings?.uploadEvent(event);
      },
    });
    this.#uploader = uploader;
    let unsentFrom = '';
    uploader.onStatus((status) => {
      this.#warnings?.upload(status, clock.now());
      // What is uploaded may go when its time has come.
      if (status.unsentFrom !== unsentFrom) {
        unsentFrom = status.unsentFrom;
        begun.configureAudit();
      }
      this.#changed();
    });
  }

  #uploadTarget(): UploadTarget | undefined {
    const member = this.#member;
    if (member?.keys.kind !== 'keys' || this.#roots === undefined || this.#organisation === undefined) return undefined;
    const { kid, sign } = orgKeysOf(member.keys.keys);
    const { url, ca } = member.enrolment;
    const deltaMs = this.#organisation.clockDeltaMs;
    return { url, key: sign, keyid: kid, caPems: [...this.#roots, ...ca], deltaMs };
  }
}

/** What lies on this machine about its organisation, and the doors to it. */
async function readMembership({ dataDir, managedPath, env, log }: RulesOptions) {
  const managed = await readManagedSettings({ platform: process.platform, named: managedPath });
  const orgDir = join(dataDir, 'org');
  const files = openOrgFolder(orgDir, filePort);
  const keyFile = openKeyFile({ files, store: openKeyStore(process.platform, env, orgDir), random: randomBytes });
  const settings = managed.kind === 'settings' ? managed : undefined;
  const found = await readOrganisation({ files, keyFile, managed: settings, log });
  return { managed, orgDir, files, keyFile, found };
}

function queueOf(uploader: Uploader | undefined): StatusRequest['queue'] {
  const status = uploader?.status();
  return {
    epoch: status === undefined || status.epoch === '' ? null : status.epoch,
    seq: status?.seq ?? 0,
    rows: status?.rows ?? 0,
    bytes: status?.bytes ?? 0,
    oldest: status?.oldest ?? null,
    quarantined: status?.quarantined ?? 0,
  };
}

function isEnrolledAs(a: EnrolledAs | undefined, b: EnrolledAs): boolean {
  return a !== undefined && a.url === b.url && a.org === b.org && a.device === b.device && a.root === b.root;
}
