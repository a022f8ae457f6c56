// SPDX-License-Identifier: Apache-2.0
// An app that knows nothing of Outpost: the Anthropic SDK with its defaults, streaming. The demonstration starts it in an
// environment that names the proxy and its certificate, as `outpost env` would print it.

import Anthropic from '@anthropic-ai/sdk';

const [model = '', prompt = ''] = process.argv.slice(2);
const client = new Anthropic({ maxRetries: 0 });
const { data: stream, response } = await client.messages
  .create({ model, max_tokens: 64, stream: true, messages: [{ role: 'user', content: prompt }] })
  .withResponse();
let text = '';
let pieces = 0;
for await (const event of stream) {
  if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') {
    text += event.delta.text;
    pieces += 1;
  }
}
const request = response.headers.get('x-outpost-request-id');
const provider = response.headers.get('x-outpost-provider');
process.stdout.write(JSON.stringify({ text, pieces, request, provider }));
