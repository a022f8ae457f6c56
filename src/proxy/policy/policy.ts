// SPDX-License-Identifier: Apache-2.0
// What the rest of the daemon sees of the policy room: the one active configuration as an immutable value with its
// decisions as pure functions. Types only. A call keeps the Policy it began with, whatever is activated meanwhile.

import type { AuditLevel, OnAuditFull } from '../audit/audit-log.ts';
import type { Owner } from '../identity/owner.ts';
import type { ProviderType } from '../upstream/provider-types.ts';

/** The caller's own credential passes (`client`), or ours replaces it. */
export type Credential = { readonly kind: 'client' } | { readonly kind: 'literal'; readonly value: string };

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
}

export type Verdict =
  | { readonly action: 'allow'; readonly rule: string | undefined }
  | {
      readonly action: 'block';
      readonly rule: string;
      readonly code: 'OUT_BLOCKED_MODEL' | 'OUT_BLOCKED_APP' | 'OUT_BLOCKED_HOST' | 'OUT_UNREADABLE_BODY';
      /** The rule's own message for the person, if it has one; else the catalogue's sentence is used. */
      readonly message: string | undefined;
      /** Of two models that a request names, the one that is not allowed. */
      readonly model?: string;
    };

/** Where a call goes. `model` undefined: leave the caller's. */
export interface Target {
  readonly provider: Provider;
  readonly model: string | undefined;
  readonly route: string | undefined;
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
  /** The first target of the first matching route whose provider speaks the same dialect family, else `fallback` unchanged. */
  route(model: string | undefined, fallback: Provider): Target;
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
