// SPDX-License-Identifier: Apache-2.0
// Keeps this device enrolled: enrols it by itself where device management gave a token, again when the server asks for that, notices when
// somebody did it at a terminal, and rotates the keys. One thing at a time; what asks a server is loaded when one is asked. What follows
// from a membership is not known here.

import { join } from 'node:path';
import type { Log } from '../../../contract/log.ts';
import { stampOf } from '../../policy/stamp.ts';
import { type Random, retryAfterDelay, retryDelay } from '../backoff.ts';
import type { Http } from '../http.ts';
import type { EnrolParts } from './enrol.ts';
import { EnrolError } from './enrol-error.ts';
import { ENROLMENT_FILE, type EnrolmentRead, readEnrolment, type Target } from './enrolment-file.ts';
import { type ManagedNow, type Membership, type Organisation, readOrganisation, targetOf } from './membership.ts';
import type { Ask } from './server.ts';
import { sameTrouble, type Trouble, troubleOf } from './trouble.ts';

export type { Trouble } from './trouble.ts';

/** How late an enrolment at a terminal is seen; one `stat` each time. Milliseconds. */
const LOOK_MS = 2_000;
/** A store of secrets that was locked is asked again this often; each time it may ask the person at the screen. Milliseconds. */
const UNLOCK_MS = 300_000;
/** How late a change of device management's settings is seen. Milliseconds. */
const MANAGED_MS = 60_000;
/** What only a person can mend is tried again this often; a server that asks for a new enrolment gets one no sooner. Milliseconds. */
const SELDOM_MS = 3_600_000;

type Connection = Pick<Http, 'ask' | 'close'>;

export interface KeepParts extends EnrolParts {
  /** `DATA/org`. */
  readonly folder: string;
  readonly managed: ManagedNow;
  /** Looks whether device management says something else now; undefined: it does not. Never rejects. */
  readonly lookAtManaged: () => Promise<ManagedNow | undefined>;
  /** What readOrganisation found at the start. */
  readonly found: Organisation;
  /** Connections to a control plane; closed after use. */
  readonly connect: (target: Target) => Connection | Promise<Connection>;
  /** Milliseconds since the Unix epoch. */
  readonly trustedNow: () => number;
  readonly random: Random;
  readonly log: Log;
}

/** What device management says, and what follows. */
export interface Managed {
  readonly managed: ManagedNow;
  readonly found: Organisation;
}

export interface KeptEnrolment {
  /** As far as known; undefined: none. */
  readonly member: Membership | undefined;
  readonly trouble: Trouble | undefined;
  /** Calls back when there is a membership, another one, or other keys. Returns the unsubscribe. */
  onEnrolled(listener: (member: Membership) => void): () => void;
  /** Calls back when somebody has left the organisation. Returns the unsubscribe. */
  onLeft(listener: () => void): () => void;
  /** Calls back when device management says something else, with what this device belongs to now. Returns the unsubscribe. */
  onManaged(listener: (now: Managed) => void): () => void;
  /** Calls back when keys lie in clear though there is a store, which is named, and when they do no more. Returns the unsubscribe. */
  onInClear(listener: (store: string | undefined) => void): () => void;
  /** Calls back when `trouble` has changed. Returns the unsubscribe. */
  onTrouble(listener: (trouble: Trouble | undefined) => void): () => void;
  /** The server knows these keys no more, or asked for new ones. Nothing happens when others are in use by now. */
  reenrol(kid: string): void;
  /** Cheap when it is not due. Never rejects. */
  rotateIfDue(): Promise<void>;
  /** Breaks off what is under way, and waits for that. */
  close(): Promise<void>;
}

export function keepEnrolled(parts: KeepParts): KeptEnrolment {
  return new Keeper(parts);
}

type Listeners<T> = Set<(value: T) => void>;

class Keeper implements KeptEnrolment {
  member: Membership | undefined;
  trouble: Trouble | undefined;
  readonly #parts: KeepParts;
  #managed: ManagedNow;
  readonly #enrolled: Listeners<Membership> = new Set();
  readonly #left: Listeners<void> = new Set();
  readonly #cleared: Listeners<string | undefined> = new Set();
  #inClear: string | undefined;
  readonly #changed: Listeners<Managed> = new Set();
  readonly #troubled: Listeners<Trouble | undefined> = new Set();
  /** The server asked for new keys. */
  #asked = false;
  /** There was an enrolment, and its file is gone or damaged. */
  #missing = false;
  /** Of the enrolment file when it was read last. */
  #stamp: string | undefined;
  #failures = 0;
  /** Monotonic times before which nothing is tried. */
  readonly #notBefore = { enrol: 0, rotate: 0, unlock: 0, managed: 0, reseal: 0 };
  #http: Connection | undefined;
  #closed = false;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();
  readonly #timer: { clear(): void };

  constructor(parts: KeepParts) {
    this.#parts = parts;
    this.#managed = parts.managed;
    // Whoever started us has just read them.
    this.#notBefore.managed = parts.clock.monotonic() + MANAGED_MS;
    const { found } = parts;
    this.member = found.mode === 'organisation' ? found.member : undefined;
    this.#missing = found.mode === 'stand-alone' && found.detail !== undefined;
    this.#timer = parts.clock.every(LOOK_MS, () => {
      if (this.#waiting === 0) void this.#inTurn(() => this.#round());
    });
    void this.#inTurn(() => this.#round());
  }

  onEnrolled(listener: (member: Membership) => void): () => void {
    this.#enrolled.add(listener);
    return () => this.#enrolled.delete(listener);
  }

  onLeft(listener: () => void): () => void {
    this.#left.add(listener);
    return () => this.#left.delete(listener);
  }

  onManaged(listener: (now: Managed) => void): () => void {
    this.#changed.add(listener);
    return () => this.#changed.delete(listener);
  }

  onInClear(listener: (store: string | undefined) => void): () => void {
    this.#cleared.add(listener);
    return () => this.#cleared.delete(listener);
  }

  onTrouble(listener: (trouble: Trouble | undefined) => void): () => void {
    this.#troubled.add(listener);
    return () => this.#troubled.delete(listener);
  }

  reenrol(kid: string): void {
    if (kid !== this.member?.enrolment.kid) return;
    this.#asked = true;
    void this.#inTurn(() => this.#round());
  }

  rotateIfDue(): Promise<void> {
    return this.#inTurn(() => this.#rotate());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer.clear();
    this.#http?.close();
    await this.#last;
  }

  /** One after the other. What was started before the end sees `#closed`. */
  #inTurn(step: () => Promise<void>): Promise<void> {
    const { log } = this.#parts;
    this.#waiting += 1;
    this.#last = this.#last.then(async () => {
      try {
        if (!this.#closed) await step();
      } catch (error) {
        // Nothing of ours should throw here; the next round tries again.
        log.error('enrolment-failed', { error: String(error) });
      } finally {
        this.#waiting -= 1;
      }
    });
    return this.#last;
  }

  get #token(): string | undefined {
    return this.#managed.facts?.settings.organisation.token;
  }

  async #round(): Promise<void> {
    await this.#lookAtManaged();
    await this.#look(false);
    const { clock } = this.#parts;
    if (this.#needsEnrolment() && clock.monotonic() >= this.#notBefore.enrol) await this.#enrol();
    if (!this.#needsEnrolment()) this.#setTrouble(this.#troubleNow());
    await this.#reseal();
  }

  /** Keys that were made while the store was locked. */
  async #reseal(): Promise<void> {
    const { clock, keyFile, log } = this.#parts;
    const { storeTitle } = keyFile;
    const keys = this.member?.keys;
    const isDue = keys?.kind === 'keys' && keys.protection === 'file' && storeTitle !== undefined;
    if (isDue && clock.monotonic() < this.#notBefore.reseal) return;
    let inClear = isDue ? storeTitle : undefined;
    if (isDue) {
      this.#notBefore.reseal = clock.monotonic() + SELDOM_MS;
      try {
        if (await keyFile.reseal()) inClear = undefined;
      } catch (error) {
        log.warn('keys-not-sealed', { error: (error as NodeJS.ErrnoException).code ?? 'unknown' });
      }
    }
    if (isDue && inClear === undefined && this.member !== undefined) {
      this.member = { ...this.member, keys: { ...keys, protection: 'store' } };
      log.info('keys-sealed', {});
    }
    if (inClear === this.#inClear) return;
    this.#inClear = inClear;
    this.#tell(this.#cleared, inClear);
  }

  /** Another token, floor, address or organisation holds without a restart; so does having none of them. */
  async #lookAtManaged(): Promise<void> {
    const { clock, lookAtManaged } = this.#parts;
    if (clock.monotonic() < this.#notBefore.managed) return;
    this.#notBefore.managed = clock.monotonic() + MANAGED_MS;
    const managed = await lookAtManaged();
    if (managed === undefined) return;
    this.#managed = managed;
    this.#notBefore.enrol = 0;
    this.#failures = 0;
    const found = await readOrganisation({ ...this.#parts, managed: managed.facts });
    this.member = found.mode === 'organisation' ? found.member : undefined;
    this.#missing = found.mode === 'stand-alone' && found.detail !== undefined;
    this.#tell(this.#changed, { managed, found });
  }

  /** Reads the folder when the file has changed, and now and then while its keys cannot be opened. */
  async #look(anyway: boolean): Promise<void> {
    const { clock, folder, files } = this.#parts;
    const stamp = await stampOf([join(folder, ENROLMENT_FILE)]);
    const unlock = this.member?.keys.kind === 'locked' && clock.monotonic() >= this.#notBefore.unlock;
    if (stamp === this.#stamp && !unlock && !anyway) return;
    const first = this.#stamp === undefined;
    this.#stamp = stamp;
    // At the start whoever started us has just read it, and the keys too, which may take seconds.
    if (first && !anyway && kidOf(await readEnrolment(files)) === this.member?.enrolment.kid) return;
    this.#notBefore.unlock = clock.monotonic() + UNLOCK_MS;
    const { facts, inDoubt } = this.#managed;
    const now = await readOrganisation({ ...this.#parts, managed: facts });
    const next = now.mode === 'organisation' ? now.member : undefined;
    // Nobody leaves by removing or damaging a file: not where a machine is managed, and elsewhere by removing it only.
    const kept = facts !== undefined || inDoubt || (now.mode === 'stand-alone' && now.detail !== undefined);
    this.#missing = next === undefined && kept;
    if (next !== undefined || !kept) this.#become(next);
  }

  #become(next: Membership | undefined): void {
    const before = this.member;
    this.member = next;
    if (next === undefined) {
      if (before !== undefined) this.#tell(this.#left, undefined);
    } else if (before === undefined || !isSame(before, next)) this.#tell(this.#enrolled, next);
  }

  /** By itself only with a token of device management, and never while keys only cannot be opened at the moment. */
  #needsEnrolment(): boolean {
    if (this.#token === undefined) return false;
    const { member } = this;
    if (member === undefined || this.#missing || member.keys.kind === 'lost') return true;
    return this.#asked && member.keys.kind === 'keys';
  }

  #troubleNow(): Trouble | undefined {
    const { facts, inDoubt } = this.#managed;
    return troubleOf({
      managed: facts !== undefined,
      inDoubt,
      member: this.member,
      missing: this.#missing,
      asked: this.#asked,
    });
  }

  async #enrol(): Promise<void> {
    const { clock, log, random } = this.#parts;
    const { facts } = this.#managed;
    const token = this.#token;
    if (facts === undefined || token === undefined) return;
    const target = targetOf(facts);
    const newKeys = this.#asked || this.member?.keys.kind === 'lost';
    const { enrol, onDisk } = await import('./enrol.ts');
    try {
      const enrolment = await this.#at(target, (ask) => enrol(this.#parts, ask, { target, token, newKeys }));
      log.info('enrolled', { org: enrolment.org, device: enrolment.device });
      this.#asked = false;
      this.#failures = 0;
      this.#notBefore.enrol = clock.monotonic() + SELDOM_MS;
      await this.#look(true);
    } catch (error) {
      if (this.#closed) return;
      const problem = error instanceof EnrolError ? error : onDisk(error);
      const backoff = problem.passing ? retryDelay(this.#failures, random) : SELDOM_MS * (0.8 + 0.4 * random());
      this.#failures += 1;
      const wait = retryAfterDelay(problem.retryAfter, clock.now(), random) ?? backoff;
      this.#notBefore.enrol = clock.monotonic() + wait;
      this.#setTrouble({ code: problem.code, text: problem.message });
    }
  }

  async #rotate(): Promise<void> {
    const { clock, log, trustedNow } = this.#parts;
    const { member } = this;
    if (member?.keys.kind !== 'keys' || clock.monotonic() < this.#notBefore.rotate) return;
    const { isRotationDue, rotate } = await import('./rotate.ts');
    if (!isRotationDue(member.keys.keys, trustedNow())) return;
    this.#notBefore.rotate = clock.monotonic() + SELDOM_MS;
    try {
      await this.#at(member.enrolment, (ask) => rotate(this.#parts, ask, member.enrolment));
      log.info('keys-rotated', { device: member.enrolment.device });
      await this.#look(true);
    } catch (error) {
      const { onDisk } = await import('./enrol.ts');
      const problem = error instanceof EnrolError ? error : onDisk(error);
      log.warn('keys-not-rotated', { code: problem.code, text: problem.message });
      if (problem.code === 'reenroll') this.#asked = true;
    }
  }

  async #at<T>(target: Target, use: (ask: Ask) => Promise<T>): Promise<T> {
    const { askThrough } = await import('./server.ts');
    const http = await this.#parts.connect(target);
    this.#http = http;
    if (this.#closed) http.close();
    try {
      return await use(askThrough(http));
    } finally {
      http.close();
      this.#http = undefined;
    }
  }

  #setTrouble(next: Trouble | undefined): void {
    if (sameTrouble(next, this.trouble)) return;
    this.trouble = next;
    if (next !== undefined) this.#parts.log.warn('not-enrolled', { code: next.code, text: next.text });
    this.#tell(this.#troubled, next);
  }

  #tell<T>(listeners: Listeners<T>, value: T): void {
    for (const listener of [...listeners]) {
      try {
        listener(value);
      } catch (error) {
        this.#parts.log.error('enrolment-listener-failed', { error: String(error) });
      }
    }
  }
}

function kidOf(read: EnrolmentRead): string | undefined {
  return read.kind === 'enrolment' ? read.enrolment.kid : undefined;
}

function isSame(a: Membership, b: Membership): boolean {
  const { enrolment: one, keys: ones } = a;
  const { enrolment: other, keys: others } = b;
  return (
    one.device === other.device &&
    one.kid === other.kid &&
    one.url === other.url &&
    one.root === other.root &&
    ones.kind === others.kind
  );
}
