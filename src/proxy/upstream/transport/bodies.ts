// SPDX-License-Identifier: Apache-2.0
// What a request's body has to say because the target's URL does not, and must not say because it does: model, stream, and the version
// of Anthropic's protocol in the clouds. Splices only. Pure; the byte editor is given, because it belongs to the dialects room.

import type { DialectId, Operation } from '../../dialects/dialect.ts';
import type { ProviderType } from '../provider-types/provider-type.ts';

/** Implemented by dialects/json/edit.ts. */
export interface BodyEditor {
  editMembers(
    body: Buffer,
    edits: { readonly remove?: readonly string[]; readonly set?: Readonly<Record<string, string>> },
  ): Buffer;
  /** JSON texts of those top-level members that are there. */
  memberTexts(body: Buffer, names: readonly string[]): ReadonlyMap<string, string>;
}

/** Values that the clouds' references give for `anthropic_version`. */
const BEDROCK_VERSION = 'bedrock-2023-05-31';
const VERTEX_VERSION = 'vertex-2023-10-16';

export interface BodyTarget {
  readonly type: ProviderType;
  readonly dialect: DialectId;
  readonly callerDialect: DialectId;
  readonly operation: Operation;
  readonly model: string;
  readonly stream: boolean;
}

/** Betas that a body of Bedrock's asks for. */
export function betasInBody(body: Buffer, target: BodyTarget, editor: BodyEditor): readonly string[] {
  if (target.callerDialect !== 'bedrock-invoke' || target.dialect === 'bedrock-invoke') return [];
  const value = parsed(editor.memberTexts(body, ['anthropic_beta']).get('anthropic_beta'));
  return Array.isArray(value) ? value.filter((beta) => typeof beta === 'string') : [];
}

/** The body as the target wants it; the same buffer where nothing has to change. */
export function fitBody(body: Buffer, target: BodyTarget, betas: readonly string[], editor: BodyEditor): Buffer {
  switch (target.dialect) {
    case 'bedrock-converse':
    case 'gemini':
      return body;
    case 'bedrock-invoke': {
      // A body of InvokeModel itself says everything already.
      if (target.callerDialect === 'bedrock-invoke') return body;
      const beta = betas.length === 0 ? {} : { anthropic_beta: JSON.stringify(betas) };
      return editor.editMembers(body, {
        remove: ['model', 'stream'],
        set: { anthropic_version: JSON.stringify(BEDROCK_VERSION), ...beta },
      });
    }
    case 'anthropic-messages':
      return target.type === 'vertex' ? forVertex(body, target, editor) : named(body, target, editor, CLOUD_MEMBERS);
    default:
      return named(body, target, editor, []);
  }
}

const CLOUD_MEMBERS = ['anthropic_version', 'anthropic_beta'] as const;

/** Vertex: the version in the body; the model in the URL, but for counts of tokens. */
function forVertex(body: Buffer, target: BodyTarget, editor: BodyEditor): Buffer {
  const texts = editor.memberTexts(body, ['model', 'stream']);
  const counting = target.operation !== 'generate';
  return editor.editMembers(body, {
    remove: counting ? ['anthropic_beta'] : ['model', 'anthropic_beta'],
    set: {
      anthropic_version: JSON.stringify(VERTEX_VERSION),
      ...(counting ? modelMember(target, texts) : {}),
      ...streamMember(target, texts),
    },
  });
}

/** The model by the target's name, and in Anthropic's protocol the stream flag: the caller may have said them in its path. */
function named(body: Buffer, target: BodyTarget, editor: BodyEditor, remove: readonly string[]): Buffer {
  const texts = editor.memberTexts(body, ['model', 'stream', ...remove]);
  const set = { ...modelMember(target, texts), ...streamMember(target, texts) };
  // Most bodies are right as they are: one look is enough for them.
  const right = Object.keys(set).length === 0 && !remove.some((name) => texts.has(name));
  return right ? body : editor.editMembers(body, { remove, set });
}

type Members = Readonly<Record<string, string>>;

function modelMember({ model }: BodyTarget, texts: ReadonlyMap<string, string>): Members {
  return parsed(texts.get('model')) === model ? {} : { model: JSON.stringify(model) };
}

function streamMember({ stream, dialect }: BodyTarget, texts: ReadonlyMap<string, string>): Members {
  const said = !stream || dialect !== 'anthropic-messages' || texts.get('stream') === 'true';
  return said ? {} : { stream: 'true' };
}

function parsed(text: string | undefined): unknown {
  if (text === undefined || text.length > 65_536) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
