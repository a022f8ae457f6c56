// SPDX-License-Identifier: Apache-2.0
// The containers of pictures that Windows and macOS want, made of PNGs, and the reading of a PNG's pixels for them and for the tests.
// Knows nothing of what is on the pictures.

import { inflateSync } from 'node:zlib';

/** Width and height of a PNG. */
export function pngSize(png) {
  if (png.toString('latin1', 1, 4) !== 'PNG') throw new Error('not a PNG');
  return { width: png.readUInt32BE(16), height: png.readUInt32BE(20) };
}

/** Pixels of an RGBA PNG with 8 bits a channel, not interlaced: four bytes each, from the top. */
export function pngPixels(png) {
  const { width, height } = pngSize(png);
  if (png.readUInt32BE(24) !== 0x08060000) throw new Error('not an RGBA PNG of 8 bits');
  const parts = [];
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12) {
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  const lines = inflateSync(Buffer.concat(parts));
  const stride = width * 4;
  const pixels = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y += 1) {
    const filter = lines[y * (stride + 1)];
    for (let x = 0; x < stride; x += 1) {
      const at = y * stride + x;
      const left = x < 4 ? 0 : pixels[at - 4];
      const above = y === 0 ? 0 : pixels[at - stride];
      const corner = x < 4 || y === 0 ? 0 : pixels[at - stride - 4];
      pixels[at] = lines[y * (stride + 1) + 1 + x] + guess(filter, left, above, corner);
    }
  }
  return { width, height, pixels };
}

/** PNG specification, section 9: filters. */
function guess(filter, left, above, corner) {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  const [byLeft, byAbove, byCorner] = [
    Math.abs(above - corner),
    Math.abs(left - corner),
    Math.abs(left + above - 2 * corner),
  ];
  if (byLeft <= byAbove && byLeft <= byCorner) return left;
  return byAbove <= byCorner ? above : corner;
}

/** Types of an .icns by pixels of the PNG in it; Apple draws some sizes twice: plain, and as the sharp form of half of it. */
export const ICNS_TYPES = {
  16: ['icp4'],
  32: ['icp5', 'ic11'],
  64: ['ic12'],
  128: ['ic07'],
  256: ['ic08', 'ic13'],
  512: ['ic09', 'ic14'],
  1024: ['ic10'],
};

/** An .icns of square PNGs. */
export function icns(pngs) {
  const parts = pngs.flatMap((png) =>
    ICNS_TYPES[pngSize(png).width].map((type) => {
      const head = Buffer.alloc(8, type, 'latin1');
      head.writeUInt32BE(png.length + 8, 4);
      return Buffer.concat([head, png]);
    }),
  );
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(8, 'icns', 'latin1');
  head.writeUInt32BE(body.length + 8, 4);
  return Buffer.concat([head, body]);
}

/** Type and PNG of each picture in an .icns. */
export function readIcns(bytes) {
  if (bytes.toString('latin1', 0, 4) !== 'icns' || bytes.readUInt32BE(4) !== bytes.length)
    throw new Error('not an .icns');
  const parts = [];
  for (let at = 8; at < bytes.length; at += bytes.readUInt32BE(at + 4)) {
    parts.push({
      type: bytes.toString('latin1', at, at + 4),
      png: bytes.subarray(at + 8, at + bytes.readUInt32BE(at + 4)),
    });
  }
  return parts;
}

/** An .ico of square PNGs. The small ones are bitmaps in it: installers read no PNG there. */
export function ico(pngs) {
  const pictures = pngs.map((png) => ({
    size: pngSize(png).width,
    data: pngSize(png).width < 256 ? bitmap(png) : png,
  }));
  const head = Buffer.alloc(6 + 16 * pictures.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(pictures.length, 4);
  let offset = head.length;
  for (const [index, { size, data }] of pictures.entries()) {
    const at = 6 + 16 * index;
    head.writeUInt8(size % 256, at);
    head.writeUInt8(size % 256, at + 1);
    head.writeUInt16LE(1, at + 4);
    head.writeUInt16LE(32, at + 6);
    head.writeUInt32LE(data.length, at + 8);
    head.writeUInt32LE(offset, at + 12);
    offset += data.length;
  }
  return Buffer.concat([head, ...pictures.map(({ data }) => data)]);
}

/** Bytes of a BITMAPINFOHEADER. */
const BITMAP_HEAD = 40;

/** BITMAPINFOHEADER, pixels from the bottom as BGRA, and a mask of one bit each that alpha makes needless. */
function bitmap(png) {
  const { width, height, pixels } = pngPixels(png);
  const head = Buffer.alloc(BITMAP_HEAD);
  head.writeUInt32LE(BITMAP_HEAD, 0);
  head.writeInt32LE(width, 4);
  head.writeInt32LE(height * 2, 8);
  head.writeUInt16LE(1, 12);
  head.writeUInt16LE(32, 14);
  const colours = Buffer.alloc(width * height * 4);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const from = (y * width + x) * 4;
      const to = ((height - 1 - y) * width + x) * 4;
      for (const [channel, source] of [2, 1, 0, 3].entries()) colours[to + channel] = pixels[from + source];
    }
  }
  return Buffer.concat([head, colours, Buffer.alloc(Math.ceil(width / 32) * 4 * height)]);
}

/** Size and alpha of each picture in an .ico. */
export function readIco(bytes) {
  if (bytes.readUInt32LE(0) !== 0x10000) throw new Error('not an .ico');
  return Array.from({ length: bytes.readUInt16LE(4) }, (_, index) => {
    const at = 6 + 16 * index;
    const data = bytes.subarray(bytes.readUInt32LE(at + 12), bytes.readUInt32LE(at + 12) + bytes.readUInt32LE(at + 8));
    const size = bytes[at] === 0 ? 256 : bytes[at];
    const isBitmap = data.readUInt32LE(0) === BITMAP_HEAD;
    const { pixels } = isBitmap
      ? { pixels: data.subarray(BITMAP_HEAD, BITMAP_HEAD + size * size * 4) }
      : pngPixels(data);
    return { size, isBitmap, pixels };
  });
}
