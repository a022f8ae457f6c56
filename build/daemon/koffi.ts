// SPDX-License-Identifier: Apache-2.0
// Takes the place of the package koffi in the executable: its native module without the search for it, and without what it adds only to
// warn of old names.

import { loadNative } from './native.ts';

export default loadNative('koffi.node');
