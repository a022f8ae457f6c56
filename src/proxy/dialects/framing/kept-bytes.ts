// SPDX-License-Identifier: Apache-2.0
// Bytes of an unfinished line, frame or document, up to a bound. One growing buffer, so that a million one-byte slices cost no
// more than one large one.

const EMPTY = Buffer.alloc(0);
/** A larger buffer is given back after use. */
const REUSE_UP_TO = 64 * 1024;

export class KeptBytes {
  readonly #maxBytes: number;
  #buffer = EMPTY;
  #length = 0;
  #tooLarge = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get length(): number {
    return this.#length;
  }

  /** More than the bound came since the last `take` or `clear`: nothing is kept, and nothing more will be. */
  get tooLarge(): boolean {
    return this.#tooLarge;
  }

  /** Copies: the caller may use its buffer again. */
  add(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length;
    if (this.#tooLarge || needed > this.#maxBytes) {
      this.clear();
      this.#tooLarge = true;
      return;
    }
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(256, needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = needed;
  }

  /** All bytes, which are forgotten here. The view is valid until the next `add`. */
  take(): Buffer {
    const all = this.#buffer.subarray(0, this.#length);
    this.clear();
    return all;
  }

  clear(): void {
    this.#length = 0;
    this.#tooLarge = false;
    if (this.#buffer.length > REUSE_UP_TO) this.#buffer = EMPTY;
  }
}
