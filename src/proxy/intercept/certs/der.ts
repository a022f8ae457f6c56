// SPDX-License-Identifier: Apache-2.0
// Owns: the few DER shapes X.509 needs, as one-liners from values to bytes. Writing only: what strangers send is read
// elsewhere. Must not know what a certificate is.
//
// Written by hand because every new host pays for it: node-forge's object tree took 0.2 ms a leaf before the compiler warmed
// up, more than the signature itself.

/** One encoded element. */
export type Der = Buffer;

function element(tag: number, content: Buffer): Der {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  if (length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, length]), content]);
  if (length < 0x10000) return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), content]);
  throw new RangeError('DER elements of 64 KiB and more are not for certificates');
}

export const sequence = (...items: readonly Der[]): Der => element(0x30, Buffer.concat(items));

export const set = (...items: readonly Der[]): Der => element(0x31, Buffer.concat(items));

export const boolean = (value: boolean): Der => element(0x01, Buffer.from([value ? 0xff : 0]));

export const octetString = (bytes: Buffer): Der => element(0x04, bytes);

export const bitString = (bytes: Buffer, unusedBits = 0): Der =>
  element(0x03, Buffer.concat([Buffer.from([unusedBits]), bytes]));

export const utf8String = (text: string): Der => element(0x0c, Buffer.from(text, 'utf8'));

export const nullValue = (): Der => element(0x05, Buffer.alloc(0));

export const enumerated = (value: number): Der => element(0x0a, Buffer.from([value]));

/** @param dotted e.g. `2.5.29.15`; single parts may have up to 53 bits. */
export function oid(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((part) => {
    const digits = [part % 128];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left % 128) + 128);
    return digits;
  });
  return element(0x06, Buffer.from(bytes));
}

/** A non-negative INTEGER in its shortest form; a Buffer is read as an unsigned big-endian number. */
export function integer(value: number | Buffer): Der {
  let hex = typeof value === 'number' ? value.toString(16) : value.toString('hex').replace(/^(?:00)+/, '');
  if (hex.length % 2 === 1) hex = `0${hex}`;
  // An empty number is zero, and a leading one bit would make it negative.
  if (hex === '' || hex.charAt(0) > '7') hex = `00${hex}`;
  return element(0x02, Buffer.from(hex, 'hex'));
}

/** `YYYYMMDDHHMMSSZ`. @param at milliseconds since the epoch; fractions of a second are cut off. */
const timestamp = (at: number): string => `${new Date(at).toISOString().replace(/\D/g, '').slice(0, 14)}Z`;

/** GeneralizedTime whatever the year, as OCSP wants it. @param at milliseconds since the epoch. */
export const generalizedTime = (at: number): Der => element(0x18, Buffer.from(timestamp(at), 'latin1'));

/**
 * UTCTime from 1950 to 2049, else GeneralizedTime (RFC 5280, 4.1.2.5).
 * @param at milliseconds since the epoch.
 */
export function time(at: number): Der {
  const year = new Date(at).getUTCFullYear();
  if (year < 1950 || year > 2049) return generalizedTime(at);
  return element(0x17, Buffer.from(timestamp(at).slice(2), 'latin1'));
}

/** `[tag] EXPLICIT`, or an implicitly tagged constructed type when `items` are that type's members. */
export const tagged = (tag: number, ...items: readonly Der[]): Der => element(0xa0 | tag, Buffer.concat(items));

/** `[tag] IMPLICIT` over a primitive type. */
export const taggedBytes = (tag: number, bytes: Buffer): Der => element(0x80 | tag, bytes);

/** DER as PEM text, 64 characters a line, with a newline at the end. */
export function toPem(label: 'CERTIFICATE' | 'X509 CRL' | 'DH PARAMETERS', der: Der): string {
  const body = der.toString('base64').replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN ${label}-----\n${body}-----END ${label}-----\n`;
}
