// SPDX-License-Identifier: Apache-2.0
// What the local API shows of the organisation: its rules here, how fresh they are, and how the upload stands. Copies and names.

import type { OrganisationState, SyncAnswer } from '../contract/local-api.ts';
import type { Organisation } from './sync/org-types.ts';
import type { OrgStatus } from './sync/status.ts';
import type { Uploader, UploadStatus } from './upload/uploader.ts';

export function organisationState(status: OrgStatus, upload: UploadStatus | undefined): OrganisationState {
  const { policy, refused, override, user } = status;
  return {
    org: status.org,
    url: status.url,
    ...(status.device === '' ? {} : { device: status.device }),
    phase: status.phase,
    ring: status.ring,
    connected: status.connected,
    ...(status.until === undefined ? {} : { until: status.until }),
    ...(policy === undefined ? {} : { version: policy.version, since: policy.since }),
    ...(refused === undefined ? {} : { refused_version: refused.version }),
    orders: status.orders.slice(0, 64).map(({ id, level, reason, until }) => ({ id, level, reason, until })),
    ...(override === undefined ? {} : { override_until: override.until }),
    ...(status.lastContact === undefined ? {} : { last_contact: status.lastContact }),
    ...(status.nextPoll === undefined ? {} : { next_poll: status.nextPoll }),
    ...(user === undefined ? {} : { user: user.name }),
    upload: {
      state: upload?.state ?? 'idle',
      rows: upload?.rows ?? 0,
      quarantined: upload?.quarantined ?? 0,
      ...(upload?.lastSuccess === undefined ? {} : { last_success: upload.lastSuccess }),
      ...(upload?.lastError === undefined ? {} : { last_error: upload.lastError }),
    },
  };
}

/** Looks at the control plane, and sends what waits. */
export async function syncNow(organisation: Organisation, uploader: Uploader | undefined): Promise<SyncAnswer> {
  uploader?.flushNow();
  const { reached, policy } = await organisation.syncNow();
  return { reached, ...(policy === undefined ? {} : { version: policy.version }) };
}
