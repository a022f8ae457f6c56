// SPDX-License-Identifier: Apache-2.0
// Menu, tooltip and notices of the tray. Text in `backticks` is shown as code.

export const TRAY = {
  quit: 'Quit the tray',
};
