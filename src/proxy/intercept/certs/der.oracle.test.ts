// SPDX-License-Identifier: Apache-2.0
// An independent reader of ASN.1 (node-forge, strict) on what our own writer of DER makes: structure, not just "some parser
// takes it".

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import forge from 'node-forge';
import { FakeClock } from '../../../../test/fakes/clock.ts';
import { silentLog } from '../../log.ts';
import { openAuthority } from './authority.ts';

const { asn1, oids } = { asn1: forge.asn1, oids: forge.pki.oids };

/** Strict: lengths must fit and nothing may follow. */
function read(der: Buffer): forge.asn1.Asn1 {
  return asn1.fromDer(forge.util.createBuffer(der.toString('binary')), true);
}

function children(node: forge.asn1.Asn1 | undefined): readonly forge.asn1.Asn1[] {
  assert.ok(Array.isArray(node?.value), 'a constructed element');
  return node.value;
}

/** Extension names and whether each is critical. */
function extensionsOf(certificate: forge.asn1.Asn1): Map<string, boolean> {
  const [tbs] = children(certificate);
  const tagged = children(tbs).find((part) => part.tagClass === asn1.Class.CONTEXT_SPECIFIC && part.type === 3);
  return new Map(
    children(children(tagged)[0]).map((extension) => {
      const [id, critical] = children(extension);
      const name = asn1.derToOid(String(id?.value));
      return [oids[name] ?? name, critical?.type === asn1.Type.BOOLEAN];
    }),
  );
}

test('node-forge reads the root strictly, every byte of them, with the extensions where they belong', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'outpost-der-'));
  try {
    const authority = await openAuthority({
      dir: folder,
      clock: new FakeClock(Date.UTC(2026, 0, 1)),
      log: silentLog,
      crlBaseUrl: 'http://127.0.0.1:1',
      permitted: ['api.openai.com'],
    });
    const root = new X509Certificate(authority.rootPems()[0] ?? '');
    const extensions = extensionsOf(read(root.raw));
    assert.equal(extensions.get('basicConstraints'), true, 'critical');
    assert.equal(extensions.get('keyUsage'), true, 'critical');
    assert.equal(extensions.get('subjectKeyIdentifier'), false, 'not critical');
    authority.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
