// SPDX-License-Identifier: Apache-2.0
// What the daemon and the thread that checks say to each other: raw objects one way, plain facts or a problem the other. Types, and the
// words of problems.

import type { KeyObject } from 'node:crypto';
import type { Config } from '../../../contract/config.ts';
import type { HostCatalogueRow } from '../../../contract/host-catalogue.ts';
import type { NamedFiles } from '../../policy/compile.ts';
import type { Environment } from '../../policy/keys.ts';
import type { Order } from '../../policy/overlay.ts';
import type { PolicyError } from '../../policy/policy.ts';

/** Whose objects count on this device. */
export interface Anchor {
  readonly org: string;
  readonly device: string;
  /** Fingerprint of the pinned root, `root-N:HEX`. */
  readonly root: string;
}

/** An order as the freshness document has it. Times in milliseconds since the Unix epoch. */
export interface TimedOrder extends Order {
  readonly until: number;
}

/** What a freshness document says, its signatures checked. Whether it is new enough and has not expired is the reader's question. */
export interface FreshFacts {
  readonly ring: string;
  readonly seq: number;
  readonly issued: number;
  readonly expires: number;
  /** Number of the root that vouches for it, and when that expires. */
  readonly root: number;
  readonly rootExpires: number;
  readonly bundle: { readonly version: number; readonly sha256: string; readonly bytes: number } | undefined;
  readonly secrets: number;
  readonly orders: readonly TimedOrder[];
  readonly nextPollMs: number;
  readonly minAgent: string | undefined;
  /** This device is on the list of the revoked. */
  readonly revoked: boolean;
  /** Has a key of the role been taken out since the root that was accepted before? */
  readonly rotated: { readonly policy: boolean; readonly freshness: boolean };
}

/** A bundle that may rule, with all that is needed to compile it. */
export interface Activation {
  readonly facts: FreshFacts;
  readonly version: number;
  readonly sha256: string;
  readonly text: string;
  readonly config: Config;
  readonly rows: readonly HostCatalogueRow[];
  readonly named: NamedFiles;
  /** undefined: the organisation has none. `dropped`: the device had to forget them. */
  readonly secrets: SecretFacts | 'dropped' | undefined;
}

export interface SecretFacts {
  readonly number: number;
  readonly values: Readonly<Record<string, string>>;
  readonly overrideKey: Uint8Array;
}

export type CheckedObject = 'root' | 'fresh' | 'bundle' | 'secrets';

const WORDS = {
  form: 'is not a signed object',
  type: 'is an object of another kind',
  signatures: 'is not signed by those who must sign it',
  payload: 'does not say what such an object says',
  fingerprint: 'is not the root that device management has pinned',
  order: 'does not follow the one before',
  threshold: 'asks for more signatures than it has keys',
  missing: 'is missing in the chain of roots',
  org: 'is of another organisation',
  ring: 'is of another ring',
  device: 'is for another device',
  root: 'stands on an older root than the one in force',
  proof: 'has a bypass that the root keys did not sign',
  length: 'has another length than announced',
  hash: 'is not the one that was announced',
  compression: 'cannot be unpacked',
  version: 'has another version than announced',
  unseal: 'is not sealed to this device, or altered',
  older: 'is older than one that was accepted before',
  expired: 'has expired',
  undated: 'is dated before this program was built',
  policy: 'has faults',
  unchecked: 'could not be checked',
} as const;

export type ProblemCode = keyof typeof WORDS;

export interface Problem {
  readonly object: CheckedObject;
  readonly code: ProblemCode;
  /** With `policy`: where its faults are. */
  readonly errors?: readonly PolicyError[];
}

const TITLES: Readonly<Record<CheckedObject, string>> = {
  root: 'the root',
  fresh: 'the freshness document',
  bundle: 'the bundle',
  secrets: 'the envelope of secrets',
};

/** The problem as faults with their places, for status reports and people. Never empty. */
export function faultsOf({ object, code, errors = [] }: Problem): readonly PolicyError[] {
  return errors.length > 0 ? errors : [{ message: `${TITLES[object]} ${WORDS[code]}`, line: 0, column: 0, at: '' }];
}

/** Roots as text, in order, the pinned one first. */
export type Roots = readonly string[];

interface AnyJob {
  readonly anchor: Anchor;
  /** Number of the root that was accepted before; 0: none. For `rotated`. */
  readonly before: number;
}

export interface DocumentJob extends AnyJob {
  readonly kind: 'document';
  readonly ring: string;
  readonly roots: Roots;
  readonly fresh: string;
}

/** With whose help a bundle is checked and compiled. */
export interface Surroundings {
  /** Private X25519 keys of the device: the one in use, and an older one while both count. */
  readonly sealingKeys: readonly KeyObject[];
  readonly env: Environment;
}

export interface ActivationJob extends AnyJob, Surroundings {
  readonly kind: 'activation';
  readonly ring: string;
  readonly roots: Roots;
  readonly fresh: string;
  readonly bundle: Uint8Array;
  /** undefined: there are none. */
  readonly secrets: string | undefined;
}

/** What lay in the folder, unread. */
export interface StartJob extends AnyJob, Surroundings {
  readonly kind: 'start';
  readonly current: Uint8Array | undefined;
  readonly previous: Uint8Array | undefined;
  readonly fresh: Uint8Array | undefined;
  /** The lowest version that may rule, unless there is nothing else. */
  readonly floor: number;
  /** The device was revoked and has forgotten its secrets. */
  readonly dropped: boolean;
}

export type CheckJob = DocumentJob | ActivationJob | StartJob;

export interface ProblemAnswer {
  readonly kind: 'problem';
  readonly problem: Problem;
}

export type DocumentAnswer =
  | { readonly kind: 'document'; readonly facts: FreshFacts }
  /** It names a root that is not here: these are needed first, numbers included at both ends. */
  | { readonly kind: 'roots'; readonly from: number; readonly to: number }
  | ProblemAnswer;

export type ActivationAnswer = { readonly kind: 'activation'; readonly activation: Activation } | ProblemAnswer;

export interface StartAnswer {
  readonly kind: 'start';
  /** What rules; undefined: nothing that is whole. */
  readonly active:
    | {
        readonly file: 'current' | 'previous';
        readonly since: number;
        readonly activation: Activation;
        /** Has a key of the role been taken out between its root and the newest one here? */
        readonly outrun: FreshFacts['rotated'];
      }
    | undefined;
  /** The newest freshness document that is whole, with its roots. */
  readonly document: { readonly facts: FreshFacts; readonly fresh: string; readonly roots: Roots } | undefined;
  /** Files that were there and could not be used. */
  readonly damaged: readonly { readonly file: 'current' | 'previous' | 'fresh'; readonly problem: Problem }[];
  /** The built-in catalogue, for the time before the first policy. */
  readonly rows: readonly HostCatalogueRow[];
}
