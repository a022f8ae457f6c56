// SPDX-License-Identifier: Apache-2.0
// What only a device of an organisation needs, or one that may be of one, as one thing to load: a device of its own leaves it on the disk. Wiring; nothing else.

export { openInDoubtStore } from './sync/enrol/in-doubt-store.ts';
export { createHttp } from './sync/http.ts';
export { openOrganisation } from './sync/organisation.ts';
export { createUploader } from './upload/uploader.ts';
