// SPDX-License-Identifier: Apache-2.0
// The committed icons: made from the present drawings, of the right sizes, and told apart without colour.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ICNS_TYPES, icns, ico, pngPixels, pngSize, readIcns, readIco } from '../../build/icons/containers.mjs';
import { SHAPES, sourceHashes } from '../../build/icons.mjs';
import { fromRoot } from './kit.ts';

const icon = (...names: readonly string[]): Buffer => readFileSync(fromRoot('build', 'icons', ...names));

/** Of each pixel how much of it is covered, 0 to 255: what is left of a picture without its colours. */
function coverage(pixels: Buffer): readonly number[] {
  return Array.from({ length: pixels.length / 4 }, (_, index) => pixels[index * 4 + 3] ?? 0);
}

/** Brightness on a ground of medium grey. */
function grey(pixels: Buffer): readonly number[] {
  return Array.from({ length: pixels.length / 4 }, (_, index) => {
    const [red = 0, green = 0, blue = 0, alpha = 0] = pixels.subarray(index * 4, index * 4 + 4);
    return ((0.299 * red + 0.587 * green + 0.114 * blue) * alpha + 128 * (255 - alpha)) / 255;
  });
}

/** Share of pixels that clearly differ. */
function difference(one: readonly number[], other: readonly number[]): number {
  return one.filter((value, index) => Math.abs(value - (other[index] ?? 0)) > 64).length / one.length;
}

test('the icons were made from the present drawings', () => {
  assert.deepEqual(JSON.parse(icon('sources.json').toString()), sourceHashes(), 'run build/icons.mjs');
});

test('the app icon of macOS holds each size', () => {
  const found = readIcns(icon('icon.icns')).map(({ type, png }) => `${type} ${pngSize(png).width}`);
  const wanted = Object.entries(ICNS_TYPES).flatMap(([size, types]) => types.map((type) => `${type} ${size}`));
  assert.deepEqual(found.toSorted(), wanted.toSorted());
});

test('the app icon of Windows holds each size, the small ones as bitmaps', () => {
  const found = readIco(icon('icon.ico')).map(({ size, isBitmap }) => [size, isBitmap]);
  const bitmaps = [16, 24, 32, 48, 64, 128].map((size) => [size, true]);
  assert.deepEqual(found, [...bitmaps, [256, false]]);
});

test('the app icons of Linux are as large as they are called, and not blank', () => {
  const names = readdirSync(fromRoot('build', 'icons', 'app'));
  assert.equal(names.length, 9);
  for (const name of names) {
    const { width, height, pixels } = pngPixels(icon('app', name));
    assert.equal(name, `${width}x${height}.png`);
    const covered = coverage(pixels).filter((alpha) => alpha > 200).length / (width * height);
    assert.ok(covered > 0.5, `${name}: ${covered} covered`);
  }
});

test('each tray icon has its sizes for macOS, Linux and Windows', () => {
  for (const shape of SHAPES) {
    for (const scale of [1, 2, 3]) {
      const suffix = scale === 1 ? '' : `@${scale}x`;
      const width = (name: string) => pngSize(icon('tray', `${shape}${name}${suffix}.png`)).width;
      assert.equal(width('Template'), 18 * scale);
      assert.deepEqual([width(''), width('-light'), width('-dark')], [22 * scale, 22 * scale, 22 * scale]);
    }
    assert.deepEqual(
      readIco(icon('tray', `${shape}.ico`)).map(({ size }) => size),
      [16, 20, 24, 32, 48],
    );
    assert.ok(existsSync(join(fromRoot('build', 'icons', 'tray'), `${shape}-symbolic.svg`)));
  }
});

test('a template image of macOS is black and nothing else', () => {
  for (const shape of SHAPES) {
    const { pixels } = pngPixels(icon('tray', `${shape}Template@2x.png`));
    const coloured = pixels.filter(
      (value, index) => index % 4 !== 3 && (pixels[index - (index % 4) + 3] ?? 0) > 0 && value > 8,
    );
    assert.equal(coloured.length, 0, shape);
  }
});

test('the four shapes differ without colour, on macOS, Linux and Windows, at their smallest', () => {
  const forms: readonly (readonly [string, (shape: string) => readonly number[]])[] = [
    ['template', (shape) => coverage(pngPixels(icon('tray', `${shape}Template.png`)).pixels)],
    ['light', (shape) => grey(pngPixels(icon('tray', `${shape}-light.png`)).pixels)],
    ['dark', (shape) => grey(pngPixels(icon('tray', `${shape}-dark.png`)).pixels)],
    ['any', (shape) => grey(pngPixels(icon('tray', `${shape}.png`)).pixels)],
    ['windows', (shape) => coverage(readIco(icon('tray', `${shape}.ico`))[0]?.pixels ?? Buffer.alloc(0))],
  ];
  for (const [form, picture] of forms) {
    const pictures = SHAPES.map((shape) => ({ shape, values: picture(shape) }));
    for (const [index, one] of pictures.entries()) {
      assert.ok(one.values.length >= 256, `${form} ${one.shape} is empty`);
      for (const other of pictures.slice(index + 1)) {
        const share = difference(one.values, other.values);
        // Of a picture of 18 pixels a side, 5 % are 16 pixels.
        assert.ok(share > 0.05, `${form}: ${one.shape} and ${other.shape} differ in ${(share * 100).toFixed(1)} %`);
      }
    }
  }
});

test('containers give back what was put into them', () => {
  const png = icon('app', '32x32.png');
  assert.deepEqual(
    readIcns(icns([png])).map((part) => part.png),
    [png, png],
  );
  const [bitmap] = readIco(ico([png]));
  const { pixels } = pngPixels(png);
  // From the bottom, blue first.
  assert.deepEqual(
    [...(bitmap?.pixels.subarray(31 * 32 * 4 + 64, 31 * 32 * 4 + 68) ?? [])],
    [pixels[66], pixels[65], pixels[64], pixels[67]],
  );
});
