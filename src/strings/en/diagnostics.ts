// SPDX-License-Identifier: Apache-2.0
// Checks and the support bundle. Text in `backticks` is shown as code.

export const DIAGNOSTICS = {
  title: 'Diagnostics',
};
