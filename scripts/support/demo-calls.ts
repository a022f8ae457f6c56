// SPDX-License-Identifier: Apache-2.0
// The calls of the demonstration: by real SDKs through the real daemon. Each prints what was asked, answered, decided and recorded, and
// resolves to its request id.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import OpenAI, { APIError } from 'openai';
import type { DaemonProcess } from './daemon-process.ts';
import { dim, printCall } from './demo-output.ts';
import { findRecord } from './demo-record.ts';
import { DENIED_MODEL, FAILING_MODEL } from './simulation.ts';
import { Trouble, trouble } from './trouble.ts';

const PROMPT = 'Say hello in one short sentence.';
const OPENAI_MODEL = 'gpt-4o-mini';
const ANTHROPIC_MODEL = 'claude-sonnet-4-6';

/** 1: an app that was given another base URL. */
export async function callByBaseUrl(daemon: DaemonProcess): Promise<string> {
  const client = new OpenAI({ apiKey: 'not-a-key', baseURL: `${daemon.ready.gateway_url}/openai/v1`, maxRetries: 0 });
  const { data, response } = await client.chat.completions
    .create({ model: OPENAI_MODEL, messages: [{ role: 'user', content: PROMPT }] })
    .withResponse()
    .catch(trouble('the call through the base URL failed'));
  const record = await findRecord(daemon, response.headers);
  printCall('1  openai SDK, only its base URL changed', {
    asked: `${OPENAI_MODEL}: ${PROMPT}`,
    answered: data.choices[0]?.message.content ?? '',
    ...record.lines,
  });
  return record.request;
}

/** 2: an unchanged app behind the intercepting proxy. */
export async function callThroughProxy(daemon: DaemonProcess): Promise<string> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    NODE_USE_ENV_PROXY: '1',
    HTTPS_PROXY: daemon.ready.proxy_url,
    NODE_EXTRA_CA_CERTS: daemon.ready.ca_path,
    ANTHROPIC_API_KEY: 'not-a-key',
  };
  for (const name of ['NO_PROXY', 'no_proxy', 'https_proxy', 'ANTHROPIC_BASE_URL', 'ANTHROPIC_AUTH_TOKEN'])
    delete env[name];
  const script = fileURLToPath(new URL('../demo-client.ts', import.meta.url));
  const output = await new Promise<string>((done, fail) => {
    execFile(process.execPath, [script, ANTHROPIC_MODEL, PROMPT], { env }, (error, stdout, stderr) =>
      error === null
        ? done(stdout)
        : fail(new Trouble(`the call through the proxy failed:\n${stderr.trim().slice(-1500)}`)),
    );
  });
  const seen = JSON.parse(output) as { readonly text: string; readonly pieces: number; readonly request: string };
  const record = await findRecord(daemon, new Headers({ 'x-outpost-request-id': seen.request }));
  printCall('2  @anthropic-ai/sdk, unchanged, through the TLS-intercepting proxy, streamed', {
    asked: `${ANTHROPIC_MODEL}: ${PROMPT}`,
    answered: `${seen.text} ${dim(`(${seen.pieces} pieces)`)}`,
    ...record.lines,
  });
  return record.request;
}

/** 3: a provider that fails within its answer, and an app that does not notice. */
export async function callDuringOutage(daemon: DaemonProcess): Promise<string> {
  const client = new OpenAI({ apiKey: 'not-a-key', baseURL: `${daemon.ready.gateway_url}/openai/v1`, maxRetries: 0 });
  const { data, response } = await client.chat.completions
    .create({ model: FAILING_MODEL, messages: [{ role: 'user', content: PROMPT }], stream: true })
    .withResponse()
    .catch(trouble('the call during the outage failed'));
  let text = '';
  for await (const chunk of data) text += chunk.choices[0]?.delta.content ?? '';
  const said = (name: string) => response.headers.get(`x-outpost-${name}`) ?? '?';
  const record = await findRecord(daemon, response.headers);
  printCall('3  openai SDK, while its provider fails within the stream', {
    asked: `${FAILING_MODEL}: ${PROMPT}`,
    answered: text,
    by: `${said('provider')} (${said('model')}) instead of ${said('fallback-from')}, attempt ${said('attempts')}`,
    ...record.lines,
  });
  return record.request;
}

/** 4: what policy forbids. */
export async function callRefused(daemon: DaemonProcess): Promise<string> {
  const client = new OpenAI({ apiKey: 'not-a-key', baseURL: `${daemon.ready.gateway_url}/openai/v1` });
  try {
    await client.chat.completions.create({ model: DENIED_MODEL, messages: [{ role: 'user', content: PROMPT }] });
  } catch (error) {
    if (!(error instanceof APIError) || error.headers === undefined) throw error;
    const record = await findRecord(daemon, error.headers);
    printCall('4  openai SDK, a model that the policy denies', {
      asked: `${DENIED_MODEL}: ${PROMPT}`,
      answered: error.message,
      ...record.lines,
    });
    return record.request;
  }
  throw new Trouble('the refused call went through');
}
