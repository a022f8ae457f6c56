// SPDX-License-Identifier: Apache-2.0
// undici's Pool, Client and request without the rest of undici (fetch, WebSocket, caches, mocks): 10 MB less in memory. The modules are undici's
// own, only their types stand under the package's main name.

declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici';
  export default Pool;
}

declare module 'undici/lib/dispatcher/client.js' {
  import { Client } from 'undici';
  export default Client;
}

declare module 'undici/lib/api/api-request.js' {
  import type { Dispatcher } from 'undici';
  export default function request(
    this: Dispatcher,
    options: Dispatcher.RequestOptions,
  ): Promise<Dispatcher.ResponseData>;
}
