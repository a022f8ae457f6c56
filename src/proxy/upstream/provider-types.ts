// SPDX-License-Identifier: Apache-2.0
// The door to provider types: what each is on the wire (provider-types/table.ts), where a call to it goes (address.ts) and with which
// credential (credential.ts). Data and pure functions. Must not know sockets, policy rules, dialects.

export {
  type AddressedCall,
  authorityOf,
  baseOf,
  originProvider,
  placedBase,
  type UpstreamTarget,
  upstreamTarget,
} from './provider-types/address.ts';
export { applyCredential, authHeader, CREDENTIAL_HEADERS } from './provider-types/credential.ts';
export type {
  AuthScheme,
  DialectFamily,
  ProviderType,
  ProviderTypeInfo,
  Spoken,
} from './provider-types/provider-type.ts';
export { PROVIDER_TYPES, typeOfHost } from './provider-types/table.ts';
