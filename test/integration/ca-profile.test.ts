// SPDX-License-Identifier: Apache-2.0
// Our certificates as real clients see them: accepted where they must be, refused where they must be.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { createSecureContext, type SecureContext, connect as tlsConnect } from 'node:tls';
import { systemClock } from '../../src/proxy/clock.ts';
import { type Authority, openAuthority } from '../../src/proxy/intercept/certs/authority.ts';
import { openCaStore } from '../../src/proxy/intercept/certs/ca-store.ts';
import * as der from '../../src/proxy/intercept/certs/der.ts';
import { makeIssuer } from '../../src/proxy/intercept/certs/issuer.ts';
import { permittedNames } from '../../src/proxy/intercept/certs/name-constraints.ts';
import { positiveSerial } from '../../src/proxy/intercept/certs/profile.ts';
import { FakeClock } from '../fakes/clock.ts';

const HOST = 'api.openai.test';
const PERMITTED = [HOST, '*.azure.test', 'bedrock-runtime.*.aws.test', '127.0.0.1'];
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const folder = mkdtempSync(join(tmpdir(), 'outpost-profile-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
async function file(content: string | Buffer): Promise<string> {
  files += 1;
  const path = join(folder, `file-${files}.pem`);
  await writeFile(path, content);
  return path;
}

const openAt = (name: string, clock = systemClock): Promise<Authority> =>
  openAuthority({ dir: join(folder, name), clock, log, crlBaseUrl: 'http://127.0.0.1:1', permitted: PERMITTED });

interface Visit {
  readonly name: string;
  readonly port: number;
  /** PEM file of the roots that the client trusts. */
  readonly roots: string;
}

interface Ran {
  readonly ok: boolean;
  readonly output: string;
}

/** Not the synchronous form: the server lives in this process. */
const run = (program: string, args: readonly string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const env = { PATH: process.env['PATH'] };
    const child = execFile(program, [...args], { timeout: 60_000, env }, (error, stdout, stderr) =>
      resolve({ ok: error === null, output: stdout + stderr }),
    );
    child.stdin?.end();
  });

const PYTHON = `
import socket, ssl, sys
name, port, roots = sys.argv[1:]
context = ssl.create_default_context(cafile=roots)
context.verify_flags |= ssl.VERIFY_X509_STRICT
with context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))), server_hostname=name) as s:
    print(s.version())
`;

const JAVA = `
import java.io.*; import java.security.*; import java.security.cert.*; import java.net.Socket; import javax.net.ssl.*;
public class Visit {
  public static void main(String[] args) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    int count = 0;
    try (InputStream in = new FileInputStream(args[2])) {
      for (java.security.cert.Certificate c : CertificateFactory.getInstance("X.509").generateCertificates(in)) store.setCertificateEntry("r" + count++, c);
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    Socket plain = new Socket("127.0.0.1", Integer.parseInt(args[1]));
    SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, args[0], Integer.parseInt(args[1]), true);
    SSLParameters parameters = socket.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    socket.setSSLParameters(parameters);
    socket.startHandshake();
    System.out.println(socket.getSession().getProtocol());
  }
}
`;

const missing = (program: string, ...args: string[]): boolean => spawnSync(program, args).status !== 0;

/** Each connects to 127.0.0.1 under the name given, and trusts nothing but the roots given. */
const CLIENTS: readonly {
  readonly client: string;
  readonly skip: boolean;
  readonly visit: (visit: Visit) => Promise<Ran>;
}[] = [
  {
    client: 'OpenSSL, strict',
    skip: missing('openssl', 'version'),
    visit: ({ name, port, roots }) =>
      run('openssl', [
        ...['s_client', '-connect', `127.0.0.1:${port}`, '-servername', name, '-CAfile', roots],
        ...['-x509_strict', '-verify_return_error', '-verify_hostname', name, '-ign_eof', '-quiet', '-no_ign_eof'],
      ]),
  },
  {
    client: 'curl',
    skip: missing('curl', '--version'),
    visit: ({ name, port, roots }) =>
      run('curl', [
        ...['-sS', '--noproxy', '*', '--cacert', roots, '--capath', '/nonexistent'],
        ...['--resolve', `${name}:${port}:127.0.0.1`, `https://${name}:${port}/`],
      ]),
  },
  {
    client: 'Python, strict',
    skip: missing('python3', '--version'),
    visit: ({ name, port, roots }) => run('python3', ['-c', PYTHON, name, String(port), roots]),
  },
  {
    client: 'Node',
    skip: false,
    visit: ({ name, port, roots }) =>
      run(process.execPath, [
        '-e',
        `const ca = require('fs').readFileSync(${JSON.stringify(roots)});
         require('tls').connect({ host: '127.0.0.1', port: ${port}, servername: '${name}', ca }, function () { this.end(); });`,
      ]),
  },
  {
    client: 'Java',
    skip: missing('javac', '-version'),
    visit: ({ name, port, roots }) => run('java', ['-cp', folder, 'Visit', name, String(port), roots]),
  },
];

/** Serves with whatever context `choose` gives for the server name. */
async function serving<Result>(
  choose: (name: string) => SecureContext,
  use: (port: number) => Promise<Result>,
): Promise<Result> {
  const server = createServer({ SNICallback: (name, done) => done(null, choose(name)) }, (_request, response) =>
    response.end('ok'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  try {
    return await use(address.port);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** The chain that a server sends, leaf first, as PEM. */
async function sentChain(context: SecureContext, name: string): Promise<readonly string[]> {
  return serving(
    () => context,
    async (port) => {
      const args = ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', name, '-showcerts', '-no_ign_eof'];
      const { output } = await run('openssl', args);
      return output.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n/g) ?? [];
    },
  );
}

const textOf = async (pem: string): Promise<string> =>
  (await run('openssl', ['x509', '-in', await file(pem), '-noout', '-text'])).output;

suite('every client', () => {
  let authority: Authority;
  let before1: { readonly roots: string; readonly context: SecureContext };
  let both: string;
  let newOnly: string;
  before(async () => {
    if (missing('javac', '-version')) return;
    await writeFile(join(folder, 'Visit.java'), JAVA);
    const { ok, output } = await run('javac', ['-d', folder, join(folder, 'Visit.java')]);
    assert.ok(ok, output);
  });
  before(async () => {
    authority = await openAt('clients');
    before1 = { roots: await file(authority.rootPems().join('')), context: authority.contextFor(HOST) };
    await authority.rotate();
    both = authority.bundlePath;
    newOnly = await file(authority.rootPems()[0] ?? '');
  });
  after(() => authority.close());

  for (const { client, skip, visit } of CLIENTS) {
    test(`${client} accepts every generation with every set of roots it needs`, { skip }, async () => {
      const current = (name: string): SecureContext => authority.contextFor(name);
      const old = (): SecureContext => before1.context;
      const cases: readonly (readonly [string, string, (name: string) => SecureContext, string])[] = [
        ['an exact name', HOST, current, newOnly],
        ['a name below a suffix', 'eastus.azure.test', current, newOnly],
        ['a name with the pattern in its middle', 'bedrock-runtime.eu-west-1.aws.test', current, newOnly],
        ['after rotation, with the old root only', HOST, current, before1.roots],
        ['after rotation, with both roots', HOST, current, both],
        ['an old context, with both roots', HOST, old, both],
        ['an old context, with the old root only', HOST, old, before1.roots],
      ];
      for (const [what, name, choose, roots] of cases) {
        const { ok, output } = await serving(choose, (port) => visit({ name, port, roots }));
        assert.ok(ok, `${what}: ${output}`);
      }
    });

    test(`${client} refuses what is not for it`, { skip }, async () => {
      const store = await openCaStore({ dir: join(folder, 'clients'), clock: systemClock });
      const issuer = makeIssuer(store.state.current, permittedNames(PERMITTED), Date.now(), 'http://127.0.0.1:1');
      // What somebody with the intermediate's key could sign, past our own check of names.
      const forged = (name: string): SecureContext => {
        const validity = { notBefore: Date.now() - 1_000, notAfter: Date.now() + 86_400_000 };
        const { signLeaf, leafKeyPem, chain } = issuer;
        const leaf = signLeaf(name, positiveSerial(Buffer.alloc(16, 7)), validity);
        return createSecureContext({ key: leafKeyPem, cert: der.toPem('CERTIFICATE', leaf) + chain });
      };
      const attempt = (name: string, choose: (name: string) => SecureContext, roots: string): Promise<Ran> =>
        serving(choose, (port) => visit({ name, port, roots }));

      const control = await attempt(HOST, forged, newOnly);
      assert.ok(control.ok, `the control: ${control.output}`);
      for (const roots of [newOnly, before1.roots, both]) {
        const elsewhere = await attempt('bank.test', forged, roots);
        assert.ok(!elsewhere.ok, 'a name outside of the constraints');
        const near = await attempt(`not${HOST}`, forged, roots);
        assert.ok(!near.ok, 'a name that merely ends like a permitted one');
      }
      const stranger = await openAt('stranger');
      const foreign = await attempt(HOST, forged, stranger.bundlePath);
      stranger.close();
      assert.ok(!foreign.ok, "another device's root");
      const wrongName = await attempt('other.azure.test', () => authority.contextFor('eastus.azure.test'), newOnly);
      assert.ok(!wrongName.ok, 'a sibling name');
    });
  }
});

suite('the profile', () => {
  test('of the leaf', async () => {
    const authority = await openAt('profile');
    const [leaf = '', intermediate = ''] = await sentChain(authority.contextFor(HOST), HOST);
    authority.close();
    const text = await textOf(leaf);
    assert.match(text, /Subject: *\n/);
    assert.match(text, /Subject Alternative Name: critical\s+DNS:api\.openai\.test\n/);
    assert.match(text, /Basic Constraints: critical\s+CA:FALSE/);
    assert.match(text, /Key Usage: critical\s+Digital Signature\n/);
    assert.match(text, /Extended Key Usage: *\s+TLS Web Server Authentication\n/);
    assert.match(text, /Authority Key Identifier/);
    assert.doesNotMatch(text, /Subject Key Identifier/);
    assert.match(text, /URI:http:\/\/127\.0\.0\.1:1\/crl\/[0-9a-f]{16}\.crl/);
    assert.match(text, /NIST CURVE: P-256/);
    assert.match(text, /ecdsa-with-SHA256/);
    const parsed = new X509Certificate(leaf);
    assert.match(parsed.serialNumber, /^[4-7][0-9A-F]{31}$/);
    const days = (parsed.validToDate.getTime() - parsed.validFromDate.getTime()) / 86_400_000;
    assert.equal(days, 30);
    const skew = Date.now() - parsed.validFromDate.getTime();
    assert.ok(skew >= 3_600_000 && skew < 3_700_000);
    const above = await textOf(intermediate);
    assert.match(above, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    assert.match(above, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    assert.match(above, /Extended Key Usage: *\s+TLS Web Server Authentication\n/);
    assert.match(above, /Name Constraints: critical\s+Permitted:/);
    for (const name of ['DNS:api.openai.test', 'DNS:azure.test', 'DNS:aws.test', 'IP:127.0.0.1/255.255.255.255']) {
      assert.ok(above.includes(`${name}\n`), name);
    }
  });

  test('of the root', async () => {
    const authority = await openAt('root');
    const text = await textOf(authority.rootPems()[0] ?? '');
    authority.close();
    assert.match(text, /Subject: O = Outpost, CN = Outpost Device Root [0-9a-f]{8} G1\n/);
    assert.match(text, /Basic Constraints: critical\s+CA:TRUE, pathlen:2/);
    assert.match(text, /Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    assert.match(text, /Subject Key Identifier/);
    assert.doesNotMatch(text, /Extended Key Usage/);
  });

  test('excludes every address unless an address is governed', async () => {
    const clock = systemClock;
    const options = { dir: join(folder, 'addresses'), clock, log, crlBaseUrl: 'http://127.0.0.1:1' };
    const authority = await openAuthority({ ...options, permitted: [HOST] });
    const [, intermediate = ''] = await sentChain(authority.contextFor(HOST), HOST);
    assert.match(
      await textOf(intermediate),
      /Excluded:\s+IP:0\.0\.0\.0\/0\.0\.0\.0\s+IP:0:0:0:0:0:0:0:0\/0:0:0:0:0:0:0:0/,
    );
    assert.throws(() => authority.contextFor('10.0.0.1'), { code: 'OUT_INTERNAL' });
    authority.close();
  });

  test('a governed address gets a certificate that OpenSSL accepts for it, and for no other', async () => {
    const authority = await openAt('address');
    const [leaf = '', ...rest] = await sentChain(authority.contextFor('127.0.0.1'), HOST);
    const args = ['verify', '-x509_strict', '-CAfile', authority.bundlePath, '-untrusted', await file(rest.join(''))];
    const leafFile = await file(leaf);
    assert.ok((await run('openssl', [...args, '-verify_ip', '127.0.0.1', leafFile])).ok);
    assert.ok(!(await run('openssl', [...args, '-verify_ip', '127.0.0.2', leafFile])).ok);
    authority.close();
  });

  test('is right on the days on which calendars go wrong', async () => {
    const moments = [
      '2027-12-31T23:59:59Z',
      '2028-01-01T00:00:00Z',
      '2028-02-29T12:00:00Z',
      '2028-12-31T23:59:59Z',
      '2049-12-31T23:30:00Z',
      '2050-01-01T00:00:00Z',
    ];
    for (const [index, moment] of moments.entries()) {
      const now = Date.parse(moment);
      const authority = await openAt(`moment-${index}`, new FakeClock(now));
      const [leaf = '', ...rest] = await sentChain(authority.contextFor(HOST), HOST);
      authority.close();
      const { validFromDate, validToDate } = new X509Certificate(leaf);
      assert.equal(validFromDate.getTime(), now - 3_600_000, moment);
      assert.equal(validToDate.getTime(), now - 3_600_000 + 30 * 86_400_000, moment);
      const attime = String(Math.floor(now / 1_000));
      const args = ['verify', '-x509_strict', '-attime', attime, '-CAfile', authority.bundlePath];
      const { ok, output } = await run('openssl', [...args, '-untrusted', await file(rest.join('')), await file(leaf)]);
      assert.ok(ok, `${moment}: ${output}`);
    }
  });
});

test('the revocation lists satisfy a check of the whole chain', async () => {
  const authority = await openAt('crl');
  const chain = await sentChain(authority.contextFor(HOST), HOST);
  const lists: string[] = [];
  for (const pem of chain) {
    const id = /\/crl\/([0-9a-f]{16})\.crl/.exec(await textOf(pem))?.[1] ?? '';
    const crl = authority.crl(id);
    assert.ok(crl !== undefined, 'a distribution point that is not served');
    lists.push(der.toPem('X509 CRL', crl));
  }
  const [leaf = '', intermediate = ''] = chain;
  const args = ['verify', '-x509_strict', '-CAfile', authority.bundlePath, '-untrusted', await file(intermediate)];
  const leafFile = await file(leaf);
  const checked = [...args, '-crl_check_all', '-CRLfile', await file(lists.join('')), leafFile];
  const { ok, output } = await run('openssl', checked);
  assert.ok(ok, output);
  assert.ok(!(await run('openssl', [...args, '-crl_check_all', leafFile])).ok, 'the control: without lists it fails');
  assert.equal(authority.crl('0000000000000000'), undefined);
  authority.close();
});

test('TLS sessions resume across connections, in both versions', async () => {
  const authority = await openAt('resumption');
  await serving(authority.contextFor, async (port) => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const visit = (session?: Buffer): Promise<{ readonly session: Buffer; readonly reused: boolean }> =>
        new Promise((resolve, reject) => {
          const socket = tlsConnect({
            host: '127.0.0.1',
            port,
            servername: HOST,
            ca: [...authority.rootPems()],
            minVersion: version,
            maxVersion: version,
            ...(session === undefined ? {} : { session }),
          });
          let ticket: Buffer | undefined = session;
          socket.on('session', (fresh) => {
            ticket = fresh;
          });
          socket.on('error', reject);
          socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'));
          socket.on('data', () => {
            const reused = socket.isSessionReused();
            socket.destroy();
            resolve({ session: ticket ?? Buffer.alloc(0), reused });
          });
        });
      const first = await visit();
      assert.equal(first.reused, false);
      assert.equal((await visit(first.session)).reused, true, version);
    }
  });
  authority.close();
});
