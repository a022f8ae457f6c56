// SPDX-License-Identifier: Apache-2.0
// Versions, preferences, licences. Text in `backticks` is shown as code.

export const ABOUT = {
  title: 'About Outpost',
};
