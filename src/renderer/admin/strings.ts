// SPDX-License-Identifier: Apache-2.0
// Every word that the admin page shows, except what the control plane words itself (faults, alarms, refusals). Text in `backticks` is shown
// as code. One language for now; the type of this object is what another one has to fill.

import { FLEET } from './strings/fleet.ts';
import { FRAME } from './strings/frame.ts';
import { ORGANISATION } from './strings/organisation.ts';
import { POLICIES } from './strings/policies.ts';
import { RECORDS } from './strings/records.ts';

export const STRINGS = { ...FRAME, ...FLEET, ...POLICIES, ...RECORDS, ...ORGANISATION } as const;
