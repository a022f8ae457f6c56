// SPDX-License-Identifier: Apache-2.0
// Wiring: whose rules hold on this device, the local file's or an organisation's, and all that an organisation brings: enrolment, sync,
// upload. Changes from one to the other while the daemon runs. Decides nothing.

import type { EventBody } from '../contract/audit-row.ts';
import type { Timer } from '../contract/clock.ts';
import type { AuditSettings } from './audit/writer-protocol.ts';
import { deviceFacts } from './device-facts.ts';
import { isEnrolledAs, queueOf, readMembership, rulesOf } from './device-membership.ts';
import type { Standing } from './managed-source.ts';
import type { PolicyStore } from './policy/policy.ts';
import { openPolicyStore } from './policy/store.ts';
import { createSwitchingStore } from './policy/switching-store.ts';
import type { Rules, RulesOptions, RulesParts } from './rules-types.ts';
import {
  type Organisation as Belonging,
  type KeptEnrolment,
  keepEnrolled,
  managementOf,
  orgKeysOf,
} from './sync/enrol/boot.ts';
import type { Target } from './sync/enrol/enrolment-file.ts';
import type { Membership } from './sync/enrol/membership.ts';
import type { EnrolledAs, Organisation } from './sync/org-types.ts';
import type { UploadTarget } from './upload/upload-protocol.ts';
import type { Uploader } from './upload/uploader.ts';
import { VERSION } from './version.ts';
import { type OrgWarnings, warnOfOrganisation } from './watch-organisation.ts';

/** Most devices that belong to nobody never load it: some megabytes. */
const inOrganisation = () => import('./in-organisation.ts');

/** Whether keys are due, or an upload is behind, is looked at this often. Milliseconds. */
const HOUR_MS = 3_600_000;
/** Whom the system trusts is read no more often for uploads. Milliseconds. */
const ROOTS_MS = 60_000;

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
  #hourly: Timer | undefined;
  #member: Membership | undefined;
  #organisation: Organisation | undefined;
  #enrolledAs: EnrolledAs | undefined;
  /** What of device management's settings the open rules go by. */
  #rulesBy = '';
  /** Loaded with the organisation. */
  #createUploader: typeof import('./upload/uploader.ts').createUploader | undefined;
  #uploader: Uploader | undefined;
  /** Once they were read; a signature needs no wait for them. */
  #roots: readonly string[] | undefined;
  /** Monotonic time before which they are not read again. */
  #rootsAfter = 0;
  #turn: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: RulesOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { log } = this.#options;
    this.#keepers = await readMembership(this.#options);
    const { found, managed } = this.#keepers;
    this.#tellOf(managed.now);
    if (found.mode === 'stand-alone') {
      this.#store = createSwitchingStore(await this.#openWithout(), log);
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
    // Nor may what an organisation has not got be removed while nobody knows whether there is one.
    const isMember = this.#organisation !== undefined || this.#membership.managed.now.inDoubt;
    return isMember ? { ...settings, unsentFrom: this.#uploader?.status().unsentFrom ?? '' } : settings;
  };

  begin(parts: RulesParts): void {
    const { clock, log } = this.#options;
    const { found, managed, files, keyFile, orgDir } = this.#opened;
    this.#begun = parts;
    this.#parts.resolve(parts);
    for (const event of this.#early.splice(0)) parts.audit.event(event);
    this.#warnings = warnOfOrganisation(parts.health);
    this.#warnings.settings(managed.now);
    this.#readRoots();
    this.#kept = keepEnrolled({
      files,
      keyFile,
      folder: orgDir,
      managed: managed.now,
      lookAtManaged: async () => ((await managed.look()) ? managed.now : undefined),
      found,
      facts: deviceFacts(this.#options.dataDir),
      connect: async (target) => {
        const { createHttp } = await inOrganisation();
        return createHttp({ url: target.url, roots: () => this.#rootsFor(target.ca), version: VERSION, clock });
      },
      trustedNow: () => this.#organisation?.trustedNow() ?? clock.now(),
      random: Math.random,
      clock,
      log,
    });
    this.#kept.onEnrolled((member) => this.#inTurn(() => this.#join(member)));
    this.#kept.onLeft(() => this.#inTurn(() => this.#leave()));
    this.#kept.onManaged(({ found: now }) => this.#inTurn(() => this.#follow(now)));
    this.#kept.onInClear((store) => this.#warnings?.inClear(store));
    this.#kept.onTrouble((trouble) => this.#warnings?.trouble(trouble));
    this.#hourly = clock.every(HOUR_MS, () => {
      void this.#kept?.rotateIfDue();
      // What cannot begin tells no status.
      if (this.#uploader !== undefined) this.#warnings?.upload(this.#uploader.status(), clock.now());
    });
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
    this.#hourly?.clear();
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
    this.#opened.store.use(await this.#openWithout());
    this.#member = undefined;
    this.#organisation = undefined;
    this.#enrolledAs = undefined;
    this.#warnings?.conditions([]);
    await this.#uploader?.close();
    this.#uploader = undefined;
    await before?.close();
    // Nothing waits for an upload any more: what is old may go.
    this.#begun?.configureAudit();
  }

  /** Device management says something else. */
  async #follow(found: Belonging): Promise<void> {
    const { now } = this.#membership.managed;
    this.#tellOf(now);
    this.#warnings?.settings(now);
    const rulesBy = rulesOf(now);
    if (rulesBy === this.#rulesBy) return;
    this.#rulesBy = rulesBy;
    if (found.mode === 'stand-alone') return await this.#leave();
    // First: it writes down what it knows, and what is opened reads that.
    await this.#uploader?.close();
    this.#uploader = undefined;
    await this.#organisation?.close();
    this.#member = found.member;
    const opened = await this.#openOrganisation(found.target, found.member);
    this.#opened.store.use(opened.store);
    this.#startUpload();
    this.#begun?.configureAudit();
    void opened.syncNow();
  }

  #tellOf({ problem, facts }: Standing): void {
    if (problem === undefined) return;
    this.#options.log.error('managed-settings-ignored', { ...problem, lastGood: facts !== undefined });
  }

  /** What rules without an organisation. */
  async #openWithout(): Promise<PolicyStore> {
    const { env, clock, log } = this.#options;
    const { now } = this.#membership.managed;
    this.#rulesBy = rulesOf(now);
    if (!now.inDoubt) return await this.#openFile();
    const { openInDoubtStore } = await inOrganisation();
    return await openInDoubtStore({ env, log, now: () => clock.now() });
  }

  async #openOrganisation(target: Target, member: Membership | undefined): Promise<Organisation> {
    const { dataDir, env, clock, log } = this.#options;
    const { managed } = this.#membership;
    this.#rulesBy = rulesOf(managed.now);
    const enrolledAs = member?.enrolment ?? { ...target, device: '', ring: 'none' };
    const parts = await inOrganisation();
    const opened = await parts.openOrganisation({
      dataDir,
      enrolment: enrolledAs,
      keys: () => (this.#member?.keys.kind === 'keys' ? orgKeysOf(this.#member.keys.keys) : undefined),
      management: managementOf(managed.now),
      roots: () => this.#rootsFor(target.ca),
      surroundings: () => ({
        facts: deviceFacts(this.#options.dataDir),
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
    this.#createUploader = parts.createUploader;
    this.#enrolledAs = enrolledAs;
    opened.onChange(() => {
      const kid = this.#member?.enrolment.kid;
      if (opened.status().reenroll && kid !== undefined) this.#kept?.reenrol(kid);
      this.#changed();
    });
    return opened;
  }

  /** Whoever the system trusts may change, or could not be read at the start. */
  #readRoots(): void {
    const now = this.#options.clock.monotonic();
    if (now < this.#rootsAfter) return;
    this.#rootsAfter = now + ROOTS_MS;
    void this.#begun?.roots().then(
      (roots) => {
        const first = this.#roots === undefined;
        this.#roots = roots;
        if (first) this.#uploader?.flushNow();
      },
      (error: unknown) => this.#options.log.error('roots-not-read', { error: String(error) }),
    );
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
    if (begun === undefined || this.#createUploader === undefined) return;
    const uploader = this.#createUploader({
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
    this.#readRoots();
    if (member?.keys.kind !== 'keys' || this.#roots === undefined || this.#organisation === undefined) return undefined;
    const { kid, sign } = orgKeysOf(member.keys.keys);
    const { url, ca, device } = member.enrolment;
    const deltaMs = this.#organisation.clockDeltaMs;
    return { url, device, key: sign, keyid: kid, caPems: [...this.#roots, ...ca], deltaMs };
  }
}
