// SPDX-License-Identifier: Apache-2.0
// Tokens and cost of the last days. Text in `backticks` is shown as code.

export const USAGE = {
  title: 'Usage',
};
