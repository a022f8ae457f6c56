// SPDX-License-Identifier: Apache-2.0
// Certificates in PEM text (RFC 7468), for every room that reads a list of them. Pure; does not look into a certificate.

/** The certificates in a PEM text, one string each, with a line end; whatever stands between them is left out. */
export const splitPem = (text: string): readonly string[] =>
  text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)?.map((block) => `${block}\n`) ?? [];
