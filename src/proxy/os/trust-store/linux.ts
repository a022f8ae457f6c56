// SPDX-License-Identifier: Apache-2.0
// Owns: the trust store of the Linux families that have one. Verified on Debian; the others by their documented layout.
// Chromium and Firefox on Linux keep lists of their own (NSS), which this does not touch.
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { splitPem } from '../../../contract/pem.ts';
import {
  changeFrom,
  fingerprintOf,
  includesCertificate,
  type RunCommand,
  type TrustChange,
  type TrustStore,
} from './trust-store.ts';

/** A distribution family: where an administrator's roots go, and the program that merges them in (a full path: PATH is the user's). */
export interface LinuxFamily {
  readonly anchors: string;
  readonly extension: string;
  readonly update: readonly [string, ...string[]];
}

/** Tried in this order; the first whose anchors folder exists is the system's. */
const LINUX_FAMILIES: readonly LinuxFamily[] = [
  // Red Hat, Fedora, Amazon
  { anchors: '/etc/pki/ca-trust/source/anchors', extension: 'pem', update: ['/usr/bin/update-ca-trust', 'extract'] },
  // SUSE
  { anchors: '/etc/pki/trust/anchors', extension: 'pem', update: ['/usr/sbin/update-ca-certificates'] },
  // Arch
  { anchors: '/etc/ca-certificates/trust-source/anchors', extension: 'crt', update: ['/usr/bin/update-ca-trust'] },
  // Debian, Ubuntu, Alpine, Gentoo
  { anchors: '/usr/local/share/ca-certificates', extension: 'crt', update: ['/usr/sbin/update-ca-certificates'] },
];

/** The bundle files of these families, in the order in which Go's crypto/x509 looks for them. */
const LINUX_BUNDLES: readonly string[] = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** Looked at only where there is no bundle. */
const LINUX_FOLDERS: readonly string[] = ['/etc/ssl/certs', '/etc/pki/tls/certs'];

/** Debian's bundle has 0.2 MB; an organisation's may have some more. */
const MAX_BUNDLE_BYTES = 16 * 1024 * 1024;

export interface LinuxTrustStoreOptions {
  readonly run: RunCommand;
  readonly families?: readonly LinuxFamily[];
  readonly bundles?: readonly string[];
  readonly folders?: readonly string[];
}

export function linuxTrustStore(options: LinuxTrustStoreOptions): TrustStore {
  const { run, families = LINUX_FAMILIES, bundles = LINUX_BUNDLES, folders = LINUX_FOLDERS } = options;

  async function readRoots(): Promise<readonly string[]> {
    for (const bundle of bundles) {
      const roots = splitPem(await readText(bundle));
      if (roots.length > 0) return roots;
    }
    const roots: string[] = [];
    for (const folder of folders) {
      for (const name of await readdir(folder).catch(() => []))
        roots.push(...splitPem(await readText(join(folder, name))));
    }
    return roots;
  }

  const isTrusted = async (pem: string): Promise<boolean> => includesCertificate(await readRoots(), pem);

  async function findFamily(): Promise<LinuxFamily | undefined> {
    for (const family of families) {
      const found = await stat(family.anchors).catch(() => undefined);
      if (found?.isDirectory()) return family;
    }
    return undefined;
  }

  async function change(pem: string, wanted: 'present' | 'absent'): Promise<TrustChange> {
    const family = await findFamily();
    if (family === undefined) return { kind: 'failed', detail: 'no certificate store that Outpost knows' };
    // One file a certificate: the Debian tools warn about files with several.
    const path = join(family.anchors, `outpost-${fingerprintOf(pem).slice(0, 16)}.${family.extension}`);
    const present = (await readText(path)) === pem;
    if (present === (wanted === 'present') && (await isTrusted(pem)) === present) return { kind: 'unchanged' };
    const [program, ...args] = family.update;
    try {
      // 0644: every program on the machine must be able to read it, whatever our umask.
      if (wanted === 'present') await writeFile(path, pem, { mode: 0o644 });
      else await rm(path, { force: true });
    } catch (error) {
      return refusedWrite(error, pem, path, wanted, family.update);
    }
    return changeFrom(program, await run(program, args));
  }

  return {
    readRoots,
    isTrusted,
    install: (pem) => change(pem, 'present'),
    remove: (pem) => change(pem, 'absent'),
  };
}

function refusedWrite(
  error: unknown,
  pem: string,
  path: string,
  wanted: 'present' | 'absent',
  update: readonly string[],
): TrustChange {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') return { kind: 'failed', detail: `${path}: ${code}` };
  // The certificate is public and its text harmless in a shell: letters, digits, +, /, =, - and line ends.
  const put = `sudo tee ${path} >/dev/null <<'END'\n${pem.trim()}\nEND`;
  const commands = [wanted === 'present' ? put : `sudo rm -f ${path}`, `sudo ${update.join(' ')}`];
  return { kind: 'needs-administrator', commands };
}

async function readText(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || !found.isFile() || found.size > MAX_BUNDLE_BYTES) return '';
  return readFile(path, 'utf8').catch(() => '');
}
