// SPDX-License-Identifier: Apache-2.0
// What the views take from the browser as it is: its language and time zone. A constant, made once.

import { createAdminFormat } from './format.ts';

export const format = createAdminFormat();
