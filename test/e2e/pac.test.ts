// SPDX-License-Identifier: Apache-2.0
// The PAC file in the browser it is for: headless Chromium finds the proxy for governed hosts alone, and does what the fail mode
// says once the daemon has been killed.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright';
import { type Agent, startAgent } from '../fakes/agent.ts';
import { Origin } from '../fakes/origin.ts';
import { makeTestCa } from '../fakes/pki.ts';
import { SimulatedProvider } from '../fakes/provider/simulated-provider.ts';
import { findCall, recorded, tlsThrough } from './clients/kit.ts';

const CHROMIUM = process.env['OUTPOST_CHROMIUM'] ?? '/usr/bin/chromium';
const skip = existsSync(CHROMIUM) ? false : `needs a Chromium at ${CHROMIUM}`;
const GOVERNED = 'api.openai.com';
const PLAIN = 'plain.example';

const ca = makeTestCa();
const identity = ca.issue({ names: ['localhost'] });
/** Stands for every host that the browser reaches without us, the governed one included. */
const direct = ca.issue({ names: [GOVERNED, PLAIN] });
const provider = new SimulatedProvider({ tls: { key: identity.key, cert: identity.chain } });
const origin = new Origin({ tls: { key: direct.key, cert: direct.chain } });
const local = new Origin();

before(async () => {
  await Promise.all([provider.listen(), origin.listen(), local.listen()]);
});
after(async () => {
  await Promise.all([provider.close(), origin.close(), local.close()]);
});

const spki = (key: Buffer): string => createHash('sha256').update(key).digest('base64');

/** The key of our leaves, as a browser would meet it. */
async function leafSpki(agent: Agent): Promise<string> {
  const socket = await tlsThrough(agent, GOVERNED);
  const leaf = socket.getPeerX509Certificate();
  socket.destroy();
  assert.ok(leaf !== undefined);
  return spki(leaf.publicKey.export({ type: 'spki', format: 'der' }));
}

async function launch(agent: Agent): Promise<Browser> {
  const trusted = [await leafSpki(agent), spki(direct.x509.publicKey.export({ type: 'spki', format: 'der' }))];
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-background-networking',
      '--disable-quic',
      `--proxy-pac-url=${agent.ready.api_url}/proxy.pac`,
      `--ignore-certificate-errors-spki-list=${trusted.join(',')}`,
      `--host-resolver-rules=MAP ${GOVERNED} 127.0.0.1:${origin.port}, MAP ${PLAIN} 127.0.0.1:${origin.port}, MAP localhost 127.0.0.1`,
    ],
  });
}

/** A chat call as a web page makes it; runs in the browser. */
function chat(page: Page, model: string): Promise<{ status: number; text: string }> {
  return page.evaluate(async (name) => {
    const answer = await fetch('/v1/chat/completions', {
      method: 'POST',
      headers: { authorization: 'Bearer app-key', 'content-type': 'application/json' },
      body: JSON.stringify({ model: name, messages: [{ role: 'user', content: 'from a page' }] }),
    });
    return { status: answer.status, text: await answer.text() };
  }, model);
}

const directly = (path: string): number => origin.requests.filter(({ target }) => target.startsWith(path)).length;

for (const mode of ['open', 'closed'] as const) {
  describe(`fail mode ${mode}`, { skip }, () => {
    let agent: Agent;
    let browser: Browser;
    let page: Page;
    before(async () => {
      agent = await startAgent({
        config: `providers:
  - { name: openai, type: openai, base_url: "https://localhost:${provider.port}/v1" }
upstream: { ca_files: ["{CA}"] }
pac: { fail_mode: ${mode} }
`,
        upstreamCa: ca.cert,
      });
      browser = await launch(agent);
      page = await browser.newPage();
      page.setDefaultTimeout(20_000);
    });
    after(async () => {
      await browser?.close();
      await agent?.stop();
    });

    test('a governed host goes through the proxy and is recorded', async () => {
      // The provider wants a key here, but its answer makes the page one of this host.
      const opened = await page.goto(`https://${GOVERNED}/v1/models`);
      assert.equal(opened?.headers()['x-simulated-provider'], 'openai');
      const answer = await chat(page, `gpt-4o-${mode}`);
      assert.equal(answer.status, 200, answer.text);
      assert.match(answer.text, /Simulated echo: from a page/);
      const call = await findCall(agent, ({ intent, outcome }) => intent?.model === `gpt-4o-${mode}` && !!outcome);
      assert.equal(call.intent?.entrance, 'intercept');
      assert.equal(call.outcome?.result, 'complete');
      assert.equal(directly('/v1'), 0);
    });

    test('any other host goes directly, and so does localhost', async () => {
      const opened = await page.goto(`https://${PLAIN}/head?mode=${mode}`);
      assert.equal(opened?.status(), 200);
      assert.equal(directly(`/head?mode=${mode}`), 1);
      // Our leaf would name its host alone.
      assert.equal((await opened?.securityDetails())?.subjectName, GOVERNED);
      await page.goto(`http://localhost:${local.port}/head?mode=${mode}`);
      assert.ok(local.requests.some(({ target }) => target === `/head?mode=${mode}`));
      assert.ok(provider.requests.every(({ target }) => !target.startsWith('/head')));
      assert.ok(recorded(agent).every(({ intent }) => intent?.host === GOVERNED));
    });

    test(`the killed daemon ${mode === 'open' ? 'is passed by' : 'lets nothing through'}`, async (t) => {
      await agent.kill('SIGKILL');
      const from = performance.now();
      // The page's own time limit is that of a browser that waits for the dead.
      const opened = page.goto(`https://${GOVERNED}/head?killed=${mode}`);
      if (mode === 'open') {
        assert.equal((await opened)?.status(), 200);
        assert.equal(directly('/head?killed=open'), 1);
      } else {
        await assert.rejects(opened, /ERR_PROXY_CONNECTION_FAILED/);
        assert.equal(directly('/head?killed=closed'), 0);
      }
      t.diagnostic(`${(performance.now() - from).toFixed(0)} ms`);
    });
  });
}
