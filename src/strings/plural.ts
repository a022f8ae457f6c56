// SPDX-License-Identifier: Apache-2.0
// One or many: enough for the languages that we have.

export const plural = (count: number, one: string, many: string): string => (count === 1 ? one : many);
