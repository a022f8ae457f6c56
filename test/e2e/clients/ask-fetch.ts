// SPDX-License-Identifier: Apache-2.0
// Asks as a Node script with the built-in fetch would: URL, and with a BODY a POST. Its environment decides the rest.

const [url = '', body = ''] = process.argv.slice(2);
const headers = { authorization: 'Bearer app-key', 'content-type': 'application/json' };

async function ask(): Promise<object> {
  try {
    const answer = await fetch(url, body === '' ? { headers } : { method: 'POST', headers, body });
    return { status: answer.status, provider: answer.headers.get('x-outpost-provider'), body: await answer.text() };
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    return { error: String(cause ?? error) };
  }
}

process.stdout.write(JSON.stringify(await ask()));
