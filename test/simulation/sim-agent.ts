// SPDX-License-Identifier: Apache-2.0
// One enrolled device of a simulated fleet: machine, rounds, client, stream and the uploader's timing are the real ones, wired as
// src/proxy/sync/organisation.ts wires them. Nothing is verified, compiled or written: that costs each device, not the fleet.

import { generateKeyPairSync } from 'node:crypto';
import type { Timer } from '../../src/contract/clock.ts';
import { LIMITS } from '../../src/contract/sync/limits.ts';
import type { FreshPayload } from '../../src/contract/sync/objects.ts';
import type { SignedObject } from '../../src/contract/sync/words.ts';
import { silentLog } from '../../src/proxy/log.ts';
import { DEFAULTS } from '../../src/proxy/policy/settings.ts';
import type { Random } from '../../src/proxy/sync/backoff.ts';
import type { Checks } from '../../src/proxy/sync/check/ask.ts';
import type { Activation, FreshFacts } from '../../src/proxy/sync/check/messages.ts';
import { createClient } from '../../src/proxy/sync/client.ts';
import { NO_FLOORS } from '../../src/proxy/sync/floors.ts';
import type { Http, Signer } from '../../src/proxy/sync/http.ts';
import { begin, type Effect, type StepContext, type SyncEvent, step } from '../../src/proxy/sync/machine.ts';
import type { OrgFolder } from '../../src/proxy/sync/org-folder.ts';
import { readStatusAnswer, type Surroundings, statusRequest } from '../../src/proxy/sync/report.ts';
import { createRounds, type Rounds } from '../../src/proxy/sync/rounds.ts';
import type { Active, SyncState } from '../../src/proxy/sync/state.ts';
import { createStream, type NudgeStream } from '../../src/proxy/sync/stream.ts';
import { readClock, startTime, trustedNow } from '../../src/proxy/sync/trusted-time.ts';
import { type Flush, IDLE, rowsCame, runBegan, runFailed, runSucceeded, runsAt } from '../../src/proxy/upload/flush.ts';
import { ORG, type SimServer } from './sim-server.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What lay on its disk when it started. */
export interface OnDisk {
  readonly fresh: string;
  readonly version: number;
  readonly sha256: string;
}

export interface SimAgentOptions {
  readonly server: SimServer;
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly device: string;
  readonly ring: string;
  readonly onDisk?: OnDisk | undefined;
  /** Is an old agent, and does not understand this version. */
  readonly refuses?: (version: number) => boolean;
  /** Its network lets no stream through. */
  readonly withoutStream?: boolean;
  /** Mean milliseconds between two calls of its apps; each makes three rows. undefined: nobody works. */
  readonly callsEvery?: number | undefined;
}

const BUILD = Date.UTC(2026, 0, 1);
const MANAGEMENT = { beforeFirstPolicy: 'pass', floors: {} } as const;
const UPLOAD = { flushSeconds: 30, flushRows: 100 };
const ROWS_OF_A_CALL = 3;
/** With more than the clock to look at, this is sooner. */
const IDLE_LOOK_MS = 60_000;
const { privateKey: KEY } = generateKeyPairSync('ed25519');
const SURROUNDINGS: Surroundings = {
  facts: { name: 'laptop', os: { platform: 'linux', version: '6.1', arch: 'x64' }, agent: '1.0.0' },
  queue: { epoch: null, seq: 0, rows: 0, bytes: 0, oldest: null, quarantined: 0 },
  warnings: [],
};
const FOLDER: OrgFolder = {
  readBytes: async () => undefined,
  read: async () => undefined,
  replace: async () => undefined,
  remove: async () => undefined,
  readPolicy: async () => undefined,
  activate: async () => undefined,
  rewritePolicy: async () => undefined,
};

type TimerName = 'poll-in' | 'report-in' | 'look-in';

/** The same text is the same document to all. */
const facts = new Map<string, FreshFacts>();

export function factsOf(text: string): FreshFacts {
  const known = facts.get(text);
  if (known !== undefined) return known;
  const { payload } = JSON.parse(text) as SignedObject;
  const said = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as FreshPayload;
  const made: FreshFacts = {
    ring: said.ring,
    seq: said.seq,
    issued: said.issued,
    expires: said.expires,
    root: said.root,
    rootExpires: said.issued + 1000 * 86_400_000,
    bundle: said.bundle ?? undefined,
    secrets: said.secrets,
    orders: said.kill.map(({ id, level, reason, until }) => ({ id, level, reason, until })),
    nextPollMs: said.next_poll_s * 1000,
    minAgent: undefined,
    revoked: false,
    rotated: { policy: false, freshness: false },
  };
  facts.set(text, made);
  return made;
}

export class SimAgent {
  readonly device: string;
  readonly #options: SimAgentOptions;
  readonly #http: Http;
  readonly #client: ReturnType<typeof createClient>;
  readonly #rounds: Rounds;
  readonly #timers: { [K in TimerName]?: Timer } = {};
  #state: SyncState;
  #stream: NudgeStream | undefined;
  #flush: Flush = IDLE;
  #upload: Timer | undefined;
  #sending = false;
  #online = true;
  #newest = 0;
  #wentBack = false;
  #late = 0;

  /** Starts it. */
  constructor(options: SimAgentOptions) {
    const { server, clock, random, device, ring, onDisk } = options;
    this.#options = options;
    this.device = device;
    this.#http = server.http({ device, ring: () => this.#state.ring, isOnline: () => this.#online });
    const signer = (): Signer => ({ kid: device, key: KEY, created: Math.floor(clock.now() / 1000) });
    this.#client = createClient({ http: this.#http, signer, onClock: () => false, clock, random });
    const document = onDisk === undefined ? undefined : factsOf(onDisk.fresh);
    this.#rounds = createRounds({
      anchor: { org: ORG, device, root: 'root-1:0' },
      client: this.#client,
      checks: this.#checks(),
      folder: FOLDER,
      surroundings: () => ({ sealingKeys: [], env: {} }),
      state: () => this.#state,
      dispatch: (event) => this.dispatch(event),
      prepare: ({ version, sha256, facts: { secrets } }) => ({
        activate: (since) => {
          const { organisation } = DEFAULTS;
          this.#wentBack ||= version < this.#newest;
          this.#newest = Math.max(this.#newest, version);
          this.dispatch({ kind: 'activated', active: { version, sha256, since, secrets, organisation } });
        },
      }),
      now: () => clock.now(),
      trustedNow: () => trustedNow(this.#state.time, readClock(clock)),
      log: silentLog,
      held: onDisk === undefined ? undefined : { roots: [], fresh: onDisk.fresh },
      currentRules: onDisk !== undefined,
    });
    const first = begin(
      {
        kept: {
          ring,
          time: startTime(readClock(clock), document?.issued ?? BUILD),
          floors: NO_FLOORS,
          refusedBundle: undefined,
          revoked: undefined,
          reenroll: false,
          override: undefined,
          usedCodes: [],
          codeTries: [],
        },
        document,
        active: activeOf(onDisk),
      },
      this.#context(),
    );
    this.#state = first.state;
    this.#newest = this.version;
    for (const effect of first.effects) this.#perform(effect);
    if (options.callsEvery !== undefined) this.#work(options.callsEvery);
  }

  get version(): number {
    return this.#state.active?.version ?? 0;
  }

  get orders(): number {
    return this.#state.view.orders.length;
  }

  get phase(): SyncState['view']['phase'] {
    return this.#state.view.phase;
  }

  /** Did it ever run a version after a newer one? */
  get wentBack(): boolean {
    return this.#wentBack;
  }

  /** Documents that came to it after a newer one. */
  get late(): number {
    return this.#late;
  }

  /** It sleeps, or its network is gone. */
  left(): void {
    this.#online = false;
    this.#stream?.reconnect();
  }

  /** It is awake, or has a network, again. */
  woke(): void {
    this.#online = true;
    this.#stream?.reconnect();
    this.dispatch({ kind: 'woke' });
  }

  dispatch(event: SyncEvent): void {
    const next = step(this.#state, event, this.#context());
    if (event.kind === 'document' && event.facts.seq < (this.#state.document?.seq ?? 0)) this.#late += 1;
    this.#state = next.state;
    for (const effect of next.effects) this.#perform(effect);
  }

  #context(): StepContext {
    const { clock, random } = this.#options;
    return { reading: readClock(clock), random, management: MANAGEMENT, buildDate: BUILD };
  }

  #checks(): Checks {
    return {
      document: async ({ fresh }) => ({ kind: 'document', facts: factsOf(fresh) }),
      activation: async ({ fresh }) => {
        const said = factsOf(fresh);
        const { version = 0, sha256 = '' } = said.bundle ?? {};
        if (this.#options.refuses?.(version) === true) {
          const errors = [{ message: 'is not known to this version', line: 3, column: 1, at: 'models' }];
          return { kind: 'problem', problem: { object: 'bundle', code: 'policy', errors } };
        }
        const named = { upstreamRoots: [], serviceAccounts: {} };
        const activation: Activation = {
          ...{ facts: said, version, sha256, text: '', config: {}, rows: [], named },
          secrets: undefined,
        };
        return { kind: 'activation', activation };
      },
      start: async () => undefined,
    };
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'look-in':
        // Nothing ends by itself before: the next poll looks at the clock as well.
        this.#timers['look-in']?.clear();
        if (effect.ms < IDLE_LOOK_MS) this.#wait('look-in', effect.ms, 'look');
        return;
      case 'poll-in':
        return this.#wait('poll-in', effect.ms, 'poll-due');
      case 'report-in':
        return this.#wait('report-in', effect.ms, 'report-due');
      case 'round':
        return void this.#round();
      case 'report':
        return void this.#report();
    }
  }

  #wait(timer: TimerName, ms: number, kind: 'poll-due' | 'report-due' | 'look'): void {
    this.#timers[timer]?.clear();
    this.#timers[timer] = this.#options.clock.after(ms, () => this.dispatch({ kind }));
  }

  async #round(): Promise<void> {
    const failure = await this.#rounds.run();
    this.dispatch({ kind: 'round-ended', failure });
    if (failure !== undefined || this.#options.withoutStream === true) return;
    const { clock, random } = this.#options;
    this.#stream ??= createStream({
      http: this.#http,
      signer: () => ({ kid: this.device, key: KEY, created: 0 }),
      clock,
      random,
      onNudge: ({ seq, spread_s }) => this.dispatch({ kind: 'nudged', seq, spreadMs: spread_s * 1000 }),
      onChange: () => undefined,
    });
  }

  async #report(): Promise<void> {
    const answer = await this.#client.post('v1/status', statusRequest(this.#state, SURROUNDINGS), LIMITS.document);
    const said = answer.kind === 'ok' ? readStatusAnswer(answer.body) : undefined;
    if (said !== undefined) return this.dispatch({ kind: 'reported', answer: said });
    const why = answer.kind === 'refused' ? answer.code : answer.kind === 'failed' ? answer.why : 'answer';
    const retryAfterMs = 'retryAfterMs' in answer ? answer.retryAfterMs : undefined;
    this.dispatch({ kind: 'report-failed', failure: { why, retryAfterMs } });
  }

  #work(every: number): void {
    const { clock, random } = this.#options;
    clock.after(-Math.log(1 - random()) * every, () => {
      this.#flush = rowsCame(this.#flush, ROWS_OF_A_CALL, clock.monotonic(), UPLOAD, random);
      this.#planUpload();
      this.#work(every);
    });
  }

  #planUpload(): void {
    const { clock } = this.#options;
    this.#upload?.clear();
    const at = runsAt(this.#flush);
    if (at === undefined || this.#sending) return;
    this.#upload = clock.after(at - clock.monotonic(), () => void this.#send());
  }

  async #send(): Promise<void> {
    const { clock, random } = this.#options;
    this.#sending = true;
    this.#flush = runBegan(this.#flush, 0, clock.monotonic(), UPLOAD, random);
    const answer = await this.#client.post('v1/audit', undefined, LIMITS.document);
    this.#sending = false;
    const asked = 'retryAfterMs' in answer ? answer.retryAfterMs : undefined;
    this.#flush =
      answer.kind === 'ok' ? runSucceeded(this.#flush) : runFailed(this.#flush, asked, clock.monotonic(), random);
    this.#planUpload();
  }
}

function activeOf(onDisk: OnDisk | undefined): Active | undefined {
  if (onDisk === undefined) return undefined;
  const { issued: since, secrets } = factsOf(onDisk.fresh);
  const { version, sha256 } = onDisk;
  return { version, sha256, since, secrets, organisation: DEFAULTS.organisation };
}
