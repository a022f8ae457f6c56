// SPDX-License-Identifier: Apache-2.0

/** Of English. */
export const plural = (count: number, one: string, many: string): string => (count === 1 ? one : many);
