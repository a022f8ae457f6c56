// SPDX-License-Identifier: Apache-2.0
// Takes the place of http-mitm-proxy's own certificate authority in the executable, as src/proxy/intercept/mitm-proxy.ts does in the
// sources: it is asked for when the proxy listens, and ours makes the certificates.

export default { create: (_folder: string, done: (error: null, ca: object) => void): void => done(null, {}) };
