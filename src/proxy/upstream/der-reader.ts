// SPDX-License-Identifier: Apache-2.0
// Owns: walking DER that a stranger sent, with each element's exact bytes at hand (signatures cover those, not a
// re-encoding). Bounded by the input; never recurses by itself. Must not know what the elements mean.

export interface DerElement {
  readonly tag: number;
  /** Tag, length and content. */
  readonly whole: Buffer;
  readonly content: Buffer;
}

/** Thrown for anything that is not definite-length DER with single-byte tags. */
export class DerError extends Error {}

/** All elements that lie side by side in `bytes`. @throws DerError */
export function readElements(bytes: Buffer): readonly DerElement[] {
  const elements: DerElement[] = [];
  let at = 0;
  while (at < bytes.length) {
    const element = readAt(bytes, at);
    elements.push(element);
    at += element.whole.length;
  }
  return elements;
}

/** The one element that `bytes` is, with the given tag. @throws DerError */
export function readOne(bytes: Buffer, tag: number): DerElement {
  const element = readAt(bytes, 0);
  if (element.whole.length !== bytes.length) throw new DerError('bytes after the element');
  return expectTag(element, tag);
}

/** @throws DerError when the element is absent or of another type. */
export function expectTag(element: DerElement | undefined, tag: number): DerElement {
  if (element?.tag !== tag) throw new DerError(`expected tag ${tag}`);
  return element;
}

/** The bytes of a BIT STRING that ends on a byte boundary. @throws DerError */
export function bitStringBytes(element: DerElement): Buffer {
  if (element.tag !== 0x03 || element.content[0] !== 0) throw new DerError('expected a bit string of whole bytes');
  return element.content.subarray(1);
}

function readAt(bytes: Buffer, at: number): DerElement {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new DerError('bad tag');
  let length = first;
  let start = at + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    // Three length bytes reach 16 MiB; nothing we read is near that.
    if (count === 0 || count > 3 || start + count > bytes.length) throw new DerError('bad length');
    length = bytes.readUIntBE(start, count);
    start += count;
  }
  const end = start + length;
  if (end > bytes.length) throw new DerError('element longer than the input');
  return { tag, whole: bytes.subarray(at, end), content: bytes.subarray(start, end) };
}
