// SPDX-License-Identifier: Apache-2.0
// Types of containers.mjs.

export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly pixels: Buffer;
}

export function pngSize(png: Buffer): { readonly width: number; readonly height: number };
export function pngPixels(png: Buffer): Pixels;
export const ICNS_TYPES: Readonly<Record<number, readonly string[]>>;
export function icns(pngs: readonly Buffer[]): Buffer;
export function readIcns(bytes: Buffer): readonly { readonly type: string; readonly png: Buffer }[];
export function ico(pngs: readonly Buffer[]): Buffer;
export function readIco(
  bytes: Buffer,
): readonly { readonly size: number; readonly isBitmap: boolean; readonly pixels: Buffer }[];
