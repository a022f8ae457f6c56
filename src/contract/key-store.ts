// SPDX-License-Identifier: Apache-2.0
// The door to the operating system's store of secrets (keychain, secret service, DPAPI): what it holds opens for this user on this
// machine only. Types; the stores are src/proxy/os/key-store.

/** `unavailable`: the store did not answer, or refused. That does not mean that the secret is gone. */
export type Opened =
  | { readonly kind: 'secret'; readonly secret: Uint8Array }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unavailable'; readonly detail: string };

export interface KeyStore {
  /** How messages name it. */
  readonly title: string;
  /**
   * Puts a secret in, over the one of that name; true once it was read back. Never rejects, and takes some seconds at most.
   * @param name letters, digits and `-`
   */
  seal(name: string, secret: Uint8Array): Promise<boolean>;
  /** Never rejects, and takes some seconds at most. */
  open(name: string): Promise<Opened>;
  /** Takes it out. Never rejects. */
  forget(name: string): Promise<void>;
}
