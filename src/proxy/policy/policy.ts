// SPDX-License-Identifier: Apache-2.0
// What the rest of the daemon sees of the policy room: the one active configuration as an immutable value with its
// decisions as pure functions. Types only. A call keeps the Policy it began with, whatever is activated meanwhile.

import type { Config } from '../../contract/config.ts';
import type { AuditLevel, OnAuditFull } from '../audit/audit-log.ts';
import type { DialectId } from '../dialects/dialect.ts';
import type { Owner } from '../identity/owner.ts';
import type { ProviderType } from '../upstream/provider-types.ts';

/** What a key is made of. Never shown, logged or compared by anything but the upstream room. */
export type Secret =
  | { readonly kind: 'text'; readonly value: string }
  | {
      readonly kind: 'aws';
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      readonly sessionToken: string | undefined;
    }
  /** A service account: a signed assertion is exchanged for a bearer token at `tokenUri`. */
  | {
      readonly kind: 'google';
      readonly clientEmail: string;
      /** PEM. */
      readonly privateKey: string;
      readonly tokenUri: string;
    };

export interface ProviderKey {
  /** Shown and recorded instead of the key; unique within the provider. */
  readonly name: string;
  /** Share of the calls; 0: only when the others are out. */
  readonly weight: number;
  readonly secret: Secret;
}

/** The caller's own credential passes (`client`), is taken away (`none`: a local server that asks for no key), or one of ours replaces it. */
export type Credential =
  | { readonly kind: 'client' }
  | { readonly kind: 'none' }
  | { readonly kind: 'keys'; readonly keys: readonly [ProviderKey, ...ProviderKey[]] };

export interface Provider {
  readonly name: string;
  readonly type: ProviderType;
  /** Origin and base path, as the vendor's SDK understands `base_url`. No trailing slash in `basePath` ('' = none). */
  readonly base: {
    readonly scheme: 'https' | 'http';
    readonly host: string;
    readonly port: number;
    readonly basePath: string;
  };
  readonly credential: Credential;
  /** Lower-case host patterns (`*` = one or more labels or label parts) whose intercepted traffic goes to this provider. */
  readonly hosts: readonly string[];
  /** No `base_url` was set: an intercepted call to one of `hosts` keeps its host (regions and resources are part of it). */
  readonly keepHost?: boolean;
  /** What its address needs besides the base URL. */
  readonly placement?: {
    /** Bedrock. */
    readonly region?: string;
    /** Vertex. */
    readonly project?: string;
    readonly location?: string;
    /** Azure: `api-version` of the deployments' paths; absent: the v1 paths, which need none. */
    readonly apiVersion?: string;
  };
  /** The provider's name for a model of the caller's: globs in order, `*` in the name stands for what the glob's first `*` matched. */
  mapModel?(model: string): string | undefined;
  /** Absent: the defaults. */
  readonly tuning?: ProviderTuning;
  /** Its status page instead of the vendor's; false: it is not asked. */
  readonly statusPage?: string | false;
}

export interface HostDecision {
  /** `header`: decrypted only to set headers; nothing of it is recorded but counters. */
  readonly action: 'govern' | 'header' | 'tunnel' | 'block';
  /** Which rule said so: `hosts[2]`, `provider:NAME`, `catalogue:HOST`, `default`. */
  readonly rule: string;
  readonly vendor: string | undefined;
  /** Headers to set on each request of a `header` (or `govern`) host; client-sent copies are removed first. */
  readonly setHeaders: readonly (readonly [string, string])[];
}

export interface CallSubject {
  readonly host: string;
  readonly provider: Provider | undefined;
  readonly model: string | undefined;
  /** A second model that the request names; the rules must hold for both. */
  readonly otherModel?: string | undefined;
  /** False: there is (or may be) a body, but it could not be read. */
  readonly modelKnown: boolean;
  readonly owner: Owner | undefined;
  /** No AI traffic: it is passed on unread, and only rules about hosts and apps are meant for it. */
  readonly relayed?: boolean;
}

/** Why a call is refused. */
export type BlockCode =
  | 'OUT_BLOCKED_MODEL'
  | 'OUT_BLOCKED_APP'
  | 'OUT_BLOCKED_HOST'
  | 'OUT_UNREADABLE_BODY'
  | 'OUT_BLOCKED_ORDER'
  | 'OUT_POLICY_EXPIRED'
  | 'OUT_DEVICE_REVOKED'
  | 'OUT_NO_POLICY';

export type Verdict = { readonly action: 'allow'; readonly rule: string | undefined } | Blocked;

export interface Blocked {
  readonly action: 'block';
  readonly rule: string;
  readonly code: BlockCode;
  /** The rule's own message for the person, if it has one; else the catalogue's sentence is used. */
  readonly message: string | undefined;
  /** Of two models that a request names, the one that is not allowed. */
  readonly model?: string;
}

/** Where a call goes. `model` undefined: leave the caller's. */
export interface Target {
  readonly provider: Provider;
  readonly model: string | undefined;
  readonly route: string | undefined;
}

/** A target of a chain. */
export interface RouteTarget extends Target {
  /** Share of the calls within its group. */
  readonly weight: number;
  /** Kinds of tools that the target is asked without, where it would be skipped for them. Codes of essential losses. */
  readonly without?: ReadonlySet<string>;
}

export interface RouteGroup {
  /** How the targets of the group are ordered for a call; conversations stay where they are all the same. */
  readonly order: 'listed' | 'weighted' | 'latency' | 'cost';
  readonly targets: readonly RouteTarget[];
}

/** The chain of one call: groups in order. One group with one target: nothing to fail over to. */
export interface Route {
  /** undefined: no route matched, the addressed provider is the chain. */
  readonly id: string | undefined;
  readonly groups: readonly RouteGroup[];
  /** Tried instead of the rest when the request is too long for its target; empty: the caller gets the error. */
  readonly onContextLength: readonly RouteTarget[];
  /** The same for a request that the target's content rules refused. */
  readonly onContentPolicy: readonly RouteTarget[];
  readonly tuning: RouteTuning;
  /** None of its targets may be used now: the call is refused, and goes nowhere else instead. */
  readonly blocked?: Blocked;
}

/** A route of the configuration without a call. */
export interface Chain {
  /** As callers ask for it, a glob perhaps; undefined: any, or several. */
  readonly model: string | undefined;
  readonly route: Route;
}

export interface RouteSubject {
  readonly model: string | undefined;
  readonly dialect: DialectId | undefined;
  readonly path: string;
  readonly owner: Owner | undefined;
}

/** Numbers of a route, milliseconds unless said otherwise. Reasons and sources: docs/reference/configuration.md. */
export interface RouteTuning {
  /** At most so many attempts per call, over all targets. */
  readonly attempts: number;
  /** No attempt begins later than this after the call's arrival. */
  readonly deadline: number;
  readonly retry: {
    /** Further tries at a target that failed for a moment and has no alternative. */
    readonly transient: number;
    readonly base: number;
    readonly cap: number;
    readonly overload: number;
    readonly overloadMin: number;
    readonly overloadMax: number;
  };
  readonly timeouts: {
    readonly firstContent: number;
    readonly reasoningFirstContent: number;
    /** Added for each 10,000 tokens of the prompt. */
    readonly perTenThousandTokens: number;
    /** While another target is healthy, a target is given up after this many times its own 95th percentile. */
    readonly suspectFactor: number;
    readonly idle: number;
    readonly total: number;
  };
  readonly affinity: { readonly enabled: boolean; readonly ttl: number; readonly longTtl: number };
}

/** Numbers of a provider's health, milliseconds unless said otherwise. */
export interface ProviderTuning {
  readonly breaker: {
    /** Failures in a row that open it. */
    readonly failures: number;
    /** Or this share of the last `window` outcomes, once there are `windowMin`, none older than `windowMs`. */
    readonly failureRatio: number;
    readonly window: number;
    readonly windowMin: number;
    readonly windowMs: number;
    /** What one hang counts. */
    readonly hangWeight: number;
    readonly open: number;
    readonly maxOpen: number;
    /** Share by which the open time varies, 0 to 1. */
    readonly jitter: number;
    readonly probeFirstContent: number;
    /** A healthy time of this length takes one off the growth of the open time. */
    readonly heal: number;
    /** After closing, a quarter, then half, then all of the calls, over this time. */
    readonly ramp: number;
  };
  readonly rateLimit: {
    /** When the provider says no time. */
    readonly fallback: number;
    readonly max: number;
    /** The longest that a call waits for the same target when there is no other. */
    readonly wait: number;
  };
  /** How long a key that was refused, or has no money, is left out. */
  readonly credentialOpen: number;
  /** How long a model that the provider does not know is left out. */
  readonly modelMissingOpen: number;
  /** Milliseconds between free reachability checks of an open endpoint; 0: none. */
  readonly checkEvery: number;
}

/** Numbers of the whole device. */
export interface DeviceTuning {
  /** Retries at the same target: this share of the calls, saved up to `burst`. */
  readonly retryRatio: number;
  readonly retryBurst: number;
  /** Names that could not be resolved for two hosts within this time mean that the machine is offline. */
  readonly offlineWindow: number;
  /** While offline, one call in this time may find out whether that is over. */
  readonly offlineProbe: number;
}

export interface Policy {
  /** SHA-256 (hex) of the configuration text; what rows name as `policy`. */
  readonly sha256: string;
  /** Counts activations in this process, from 1. */
  readonly generation: number;
  readonly settings: Settings;
  readonly providers: readonly Provider[];
  decideHost(host: string): HostDecision;
  /** Is this path of a governed host AI traffic? False: relayed untouched, counted, not recorded. */
  governsPath(host: string, path: string): boolean;
  /** First configured provider whose hosts match; undefined: the host's own origin is the target. */
  providerForHost(host: string): Provider | undefined;
  /** By name, else the first of that type, else (a known type) that vendor's default with the caller's credential. */
  providerForGateway(segment: string): Provider | undefined;
  /** App and model rules. Pure. */
  decide(subject: CallSubject): Verdict;
  /** The chain of the first matching route, else of `addressed` alone. */
  route(subject: RouteSubject, addressed: Provider): Route;
  /** All routes, in their order; what people are told of them. Pure. */
  chains(): readonly Chain[];
  /** Governed host patterns, for the PAC file: exact names and `*` patterns, sorted. */
  governedHosts(): readonly string[];
  /** How many host patterns of rules, providers and catalogue have each action; for the status page. */
  readonly hostCounts: Readonly<Record<HostDecision['action'], number>>;
  /** Do the app rules need to know the process before a decision? */
  readonly needsOwner: boolean;
}

export interface Settings {
  readonly audit: {
    readonly level: AuditLevel;
    readonly onFull: OnAuditFull;
    readonly capBytes: number;
    /** Files whose newest row is older than this are deleted. */
    readonly retentionDays: number;
  };
  readonly network: {
    /** Ports that CONNECT may name, as inclusive ranges. */
    readonly connectPorts: readonly (readonly [number, number])[];
    /** `host:port`, `host:*`, or CIDR exceptions to the ban on loopback, link-local and metadata addresses. */
    readonly allowPrivate: readonly string[];
  };
  /** PEM certificates that are trusted upstream besides the OS store and the bundled roots, one string each. */
  readonly upstreamRoots: readonly string[];
  readonly pacFailMode: 'open' | 'closed';
  readonly gateway: { readonly allowedOrigins: readonly string[]; readonly requireToken: boolean };
  /** What the configuration says of models, before the built-in data. */
  readonly modelData: NonNullable<Config['models_data']>;
  readonly statusPages: { readonly enabled: boolean; readonly interval: number };
  /** How long a provider's opaque reasoning is kept for the conversation's return. */
  readonly opaqueState: { readonly ttl: number };
  /** What `model` says in translated answers: the name that was asked for, or the one that answered. */
  readonly answerModel: 'requested' | 'actual';
  /** undefined: nothing is exported. */
  readonly otlp:
    | {
        readonly endpoint: string;
        /** Values may be secrets. */
        readonly headers: readonly (readonly [string, string])[];
        readonly traces: boolean;
        readonly metrics: boolean;
        readonly logs: boolean;
        readonly interval: number;
      }
    | undefined;
  /** Where people get help; undefined: nobody is named. */
  readonly support: { readonly url: string; readonly label: string | undefined } | undefined;
  readonly routing: { readonly provider: ProviderTuning; readonly route: RouteTuning; readonly device: DeviceTuning };
  /** Milliseconds. */
  readonly timeouts: {
    readonly connect: number;
    readonly firstContent: number;
    readonly idle: number;
    readonly total: number;
  };
  readonly limits: {
    /** Bodies above this are streamed unread. */
    readonly inspectBodyBytes: number;
    /** Held before first content (gateways.md 6.1): events and bytes of a stream, bytes of a JSON answer. */
    readonly holdEvents: number;
    readonly holdBytes: number;
    readonly holdJsonBytes: number;
  };
  /** Of a policy that an organisation published; a stand-alone file may have it, without effect. */
  readonly organisation: {
    /** How long the policy is enforced after its freshness document has expired. */
    readonly graceDays: number;
    /** What happens after that. */
    readonly onExpired: 'enforce' | 'metadata-only' | 'block';
    readonly onRevoked: 'block' | 'pass';
    readonly upload: {
      /** Milliseconds from the first row that was not uploaded. */
      readonly flushMs: number;
      readonly flushRows: number;
    };
    readonly offlineOverride: boolean;
  };
}

export type PolicyStatus =
  | { readonly state: 'active'; readonly sha256: string; readonly since: number; readonly path: string | undefined }
  | {
      /** The file on disk is bad; the one before it rules. */
      readonly state: 'rejected';
      readonly sha256: string;
      readonly since: number;
      readonly path: string;
      readonly errors: readonly PolicyError[];
    };

export interface PolicyError {
  readonly message: string;
  /** 1-based; 0 when the place is not known. */
  readonly line: number;
  readonly column: number;
  /** Dotted path in the document. */
  readonly at: string;
}

export interface PolicyStore {
  readonly current: Policy;
  readonly status: PolicyStatus;
  onChange(listener: (policy: Policy, status: PolicyStatus) => void): () => void;
  close(): void;
}
