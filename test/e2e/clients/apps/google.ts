// SPDX-License-Identifier: Apache-2.0
// An app on Google's genai SDK. Its streams have no accumulator: the app keeps the parts, as Google's own examples do.

import {
  type Content,
  FunctionCallingConfigMode,
  type GenerateContentResponse,
  GoogleGenAI,
  type Part,
  type Schema,
  Type,
} from '@google/genai';
import type { App, AppSchema, Heard, MakeApp, Wish } from './app.ts';

export const google: MakeApp = (base, apiKey): App => {
  const client = new GoogleGenAI({ apiKey, httpOptions: { baseUrl: base } });
  return (wish) => turn(client, wish, [userContent(wish)]);
};

function userContent({ prompt, image, document }: Wish): Content {
  const bytes = (mimeType: string, data: Buffer | undefined): Part[] =>
    data === undefined ? [] : [{ inlineData: { mimeType, data: data.toString('base64') } }];
  const parts = [{ text: prompt }, ...bytes('image/png', image), ...bytes('application/pdf', document)];
  return { role: 'user', parts };
}

const TYPES: Readonly<Record<string, Type>> = {
  string: Type.STRING,
  integer: Type.INTEGER,
  boolean: Type.BOOLEAN,
};

/** In Google's own schema language, so that its upper-case types are met. */
function googleSchema({ properties, required }: AppSchema): Schema {
  return {
    type: Type.OBJECT,
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, { type, ...rest }]) => [
        name,
        { ...rest, type: TYPES[String(type)] ?? Type.TYPE_UNSPECIFIED } as Schema,
      ]),
    ),
    required: [...required],
  };
}

async function turn(client: GoogleGenAI, wish: Wish, contents: readonly Content[]): Promise<Heard> {
  const request = {
    model: wish.model,
    contents: [...contents],
    config: {
      systemInstruction: wish.system,
      ...(wish.mustCall ? { toolConfig: { functionCallingConfig: { mode: FunctionCallingConfigMode.ANY } } } : {}),
      ...(wish.limit === undefined ? {} : { maxOutputTokens: wish.limit }),
      ...(wish.thinks ? { thinkingConfig: { thinkingBudget: 1024, includeThoughts: true } } : {}),
      ...(wish.tools === undefined
        ? {}
        : {
            tools: [
              {
                functionDeclarations: wish.tools.map(({ name, description, schema }) => ({
                  name,
                  description,
                  parameters: googleSchema(schema),
                })),
              },
            ],
          }),
      ...(wish.schema === undefined ? {} : { responseMimeType: 'application/json', responseJsonSchema: wish.schema }),
    },
  };
  let pieces = 0;
  const answers: GenerateContentResponse[] = [];
  if (wish.stream) {
    for await (const chunk of await client.models.generateContentStream(request)) {
      answers.push(chunk);
      if (chunk.candidates?.[0]?.content?.parts?.some((part) => part.text || part.functionCall)) pieces += 1;
    }
  } else answers.push(await client.models.generateContent(request));
  const parts = answers.flatMap((answer) => answer.candidates?.[0]?.content?.parts ?? []);
  const used = parts.flatMap(({ functionCall }) => (functionCall === undefined ? [] : [functionCall]));
  const last = answers.at(-1);
  const finish = answers.map((answer) => answer.candidates?.[0]?.finishReason).findLast((word) => word !== undefined);
  const usage = last?.usageMetadata;
  const headers = answers[0]?.sdkHttpResponse?.headers ?? {};
  return {
    text: parts.map(({ text, thought }) => (thought === true ? '' : (text ?? ''))).join(''),
    calls: used.map(({ name = '', args }) => ({ name, args })),
    stop: finish === 'STOP' ? (used.length > 0 ? 'tools' : 'end') : finish === 'MAX_TOKENS' ? 'limit' : String(finish),
    tokens: {
      input: usage?.promptTokenCount ?? 0,
      output: (usage?.candidatesTokenCount ?? 0) + (usage?.thoughtsTokenCount ?? 0),
    },
    pieces,
    header: (name) => headers[name],
    results: (answers) =>
      turn(client, wish, [
        ...contents,
        { role: 'model', parts },
        {
          role: 'user',
          parts: used.map(({ id, name = '' }, at) => ({
            functionResponse: {
              ...(id === undefined ? {} : { id }),
              name,
              response: { output: answers[at]?.text ?? '' },
            },
          })),
        },
      ]),
  };
}
