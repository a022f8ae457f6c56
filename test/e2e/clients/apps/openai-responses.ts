// SPDX-License-Identifier: Apache-2.0
// An app on the openai SDK's Responses. Streams go through the SDK's own accumulator.

import OpenAI from 'openai';
import { type App, type Heard, type MakeApp, type ToolAnswer, type Wish, watchedFetch } from './app.ts';

type Params = OpenAI.Responses.ResponseCreateParamsNonStreaming;
type Item = OpenAI.Responses.ResponseInputItem;

export const openaiResponses: MakeApp = (base, apiKey): App => {
  const { fetch, header } = watchedFetch();
  const client = new OpenAI({ apiKey, baseURL: `${base}/v1`, maxRetries: 0, fetch });
  return (wish) => turn({ client, wish, header }, [userItem(wish)]);
};

function userItem({ prompt, image, document }: Wish): Item {
  const content: OpenAI.Responses.ResponseInputContent[] = [{ type: 'input_text', text: prompt }];
  if (image !== undefined) content.push(inputImage(image));
  if (document !== undefined) {
    const file_data = `data:application/pdf;base64,${document.toString('base64')}`;
    content.push({ type: 'input_file', filename: 'report.pdf', file_data });
  }
  return { role: 'user', content };
}

function inputImage(image: Buffer) {
  const image_url = `data:image/png;base64,${image.toString('base64')}`;
  return { type: 'input_image', image_url, detail: 'auto' } as const;
}

function outputOf({ text, image }: ToolAnswer): string | OpenAI.Responses.ResponseFunctionCallOutputItem[] {
  return image === undefined ? text : [{ type: 'input_text', text }, inputImage(image)];
}

/** What a model's answer can consist of in these scenes, and may be sent back as it is. */
function goesBack(item: OpenAI.Responses.ResponseOutputItem) {
  return item.type === 'message' || item.type === 'function_call' || item.type === 'reasoning';
}

function stopOf({ status, incomplete_details: why }: OpenAI.Responses.Response, calls: number): string {
  if (why?.reason === 'max_output_tokens') return 'limit';
  if (status !== 'completed') return String(status);
  return calls > 0 ? 'tools' : 'end';
}

interface Talk {
  readonly client: OpenAI;
  readonly wish: Wish;
  readonly header: Heard['header'];
}

async function turn(talk: Talk, input: readonly Item[]): Promise<Heard> {
  const { client, wish } = talk;
  const params = {
    model: wish.model,
    instructions: wish.system,
    input: [...input],
    // Without it the provider would keep the answer, which no other provider could continue.
    store: false,
    ...(wish.tools === undefined
      ? {}
      : {
          tools: wish.tools.map(({ name, description, schema }) => ({
            type: 'function' as const,
            name,
            description,
            parameters: { ...schema },
            strict: false,
          })),
        }),
    ...(wish.schema === undefined
      ? {}
      : {
          text: { format: { type: 'json_schema', name: 'report', schema: { ...wish.schema }, strict: true } } as const,
        }),
    ...(wish.mustCall ? { tool_choice: 'required' as const } : {}),
    ...(wish.limit === undefined ? {} : { max_output_tokens: wish.limit }),
    ...(wish.thinks
      ? { reasoning: { effort: 'high' as const }, include: ['reasoning.encrypted_content' as const] }
      : {}),
  } satisfies Params;
  let pieces = 0;
  let response: OpenAI.Responses.Response;
  if (wish.stream) {
    const stream = client.responses.stream(params);
    for await (const { type } of stream) {
      if (type === 'response.output_text.delta' || type === 'response.function_call_arguments.delta') pieces += 1;
    }
    response = await stream.finalResponse();
  } else {
    response = await client.responses.create(params);
  }
  const calls = response.output.flatMap((item) =>
    item.type === 'function_call'
      ? [{ id: item.call_id, name: item.name, args: JSON.parse(item.arguments) as unknown }]
      : [],
  );
  return {
    text: response.output_text,
    calls: calls.map(({ name, args }) => ({ name, args })),
    stop: stopOf(response, calls.length),
    tokens: { input: response.usage?.input_tokens ?? 0, output: response.usage?.output_tokens ?? 0 },
    pieces,
    header: talk.header,
    results: (answers) =>
      turn(talk, [
        ...input,
        // As the SDK's documentation has it: what came is what goes back.
        ...response.output.filter(goesBack),
        ...calls.map(
          ({ id }, at): Item => ({
            type: 'function_call_output',
            call_id: id,
            output: outputOf(answers[at] ?? { text: '' }),
          }),
        ),
      ]),
  };
}
