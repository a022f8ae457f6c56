// SPDX-License-Identifier: Apache-2.0
// undici's Pool without the rest of undici (fetch, WebSocket, caches, mocks): 10 MB less in memory. The module is undici's own,
// only its types stand under the package's main name.

declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici';
  export default Pool;
}
