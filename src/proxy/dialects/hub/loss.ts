// SPDX-License-Identifier: Apache-2.0
// The vocabulary of translation losses: what a request or answer had that another wire protocol cannot say. Codes stand in headers,
// rows and metrics, so the list is closed; docs/reference/losses.md is written from the texts.

/**
 * `essential`: the answer would not be what was asked for, so the target is skipped before it is tried. `advisory`: the answer
 * is as good, but something was dropped, added or approximated; it is recorded and named in `x-outpost-loss`.
 */
export type LossSeverity = 'essential' | 'advisory';

export interface LossEntry {
  readonly severity: LossSeverity;
  /** What was lost and what that means, for operators. */
  readonly text: string;
}

const essential = (text: string) => ({ severity: 'essential', text }) as const;
const advisory = (text: string) => ({ severity: 'advisory', text }) as const;

export const LOSSES = {
  // What only the addressed provider can do.
  'server-tool': essential(
    'The request uses tools that run at the provider (web search, code execution, MCP ...), which only that provider has.',
  ),
  'stored-state': essential(
    'The request continues state that the provider keeps (`previous_response_id`, conversations, item references); no other provider has it.',
  ),
  'file-reference': essential(
    'The request names a file by the id that the provider gave it; its bytes are not in the request.',
  ),
  'cached-content': essential('The request builds on content that is cached at the provider under a name.'),
  compaction: essential('The history was, or shall be, compacted by the provider; nobody else can read the result.'),
  'custom-tool': essential(
    "A tool takes free text or a grammar instead of JSON, which the target's protocol cannot say.",
  ),
  'several-choices': essential('More than one answer was asked for (`n`, `candidateCount`); the target gives one.'),
  logprobs: essential('Probabilities of tokens were asked for, which a translation cannot carry.'),
  audio: essential('The request has audio in it, which is not translated.'),
  video: essential('The request has video in it, which is not translated.'),
  'output-modality': essential('The answer shall be audio or an image; translations carry text and tool calls.'),
  'predicted-output': essential('The request brings a predicted output, which the target does not know.'),
  // What the target's protocol or model cannot take.
  'image-url': essential('An image is given as a URL and the target wants its bytes; the agent fetches no URLs.'),
  'document-url': essential('A document is given as a URL and the target wants its bytes; the agent fetches no URLs.'),
  'no-images': essential('The target, or this place of its protocol, takes no images.'),
  'no-documents': essential('The target, or this place of its protocol, takes no documents.'),
  'no-tools': essential("The target's model cannot call tools."),
  'no-json-schema': essential('The answer must follow a JSON schema and the target cannot be bound to it.'),
  'tool-choice': essential(
    'The choice of tools (none, any, this one, a list of allowed ones) cannot be said to the target.',
  ),
  'context-too-long': essential("By estimate the prompt is longer than the target's context."),
  'media-type': essential(
    'An image or document has a media type that the target does not take, or none that could be told.',
  ),
  // What cannot be read well enough to be translated.
  'not-understood': essential(
    'The request, or a part of it, is not what its protocol describes, or is nested too deeply; only its own provider can judge it.',
  ),
  'unknown-part': essential(
    'The conversation has a kind of content that is not known, or stands where the target has no place for it.',
  ),
  'tool-pairing': essential('Tool calls and tool results do not fit together, and the target would refuse that.'),
  prefill: essential(
    'The conversation ends with the beginning of an answer, which the target would not continue in the same way.',
  ),
  // Dropped, added or approximated.
  'unknown-field': advisory('A member that is not known was left out.'),
  'unknown-event': advisory("A piece of the provider's answer that is not known was left out."),
  'reasoning-dropped': advisory(
    'Reasoning of the model was left out, because the other side has no place for it or may not see it.',
  ),
  'reasoning-effort': advisory(
    'How much the model shall think was said in the nearest words or tokens that the target knows.',
  ),
  'reasoning-unsupported': advisory(
    'The target does not think, or not together with what else was asked for; the wish was left out.',
  ),
  'state-unavailable': advisory(
    'Thinking was switched off for this call, because the target wants its own earlier reasoning back and it is not there.',
  ),
  'cache-control': advisory(
    'Marks for the prompt cache were left out or moved to the nearest place or time; the call may cost more.',
  ),
  'cache-key': advisory('The hint that helps a provider find its prompt cache was left out or shortened.'),
  seed: advisory('The seed was left out; the answer is less repeatable.'),
  penalties: advisory('Presence or frequency penalties were left out.'),
  'logit-bias': advisory('Biases of single tokens were left out.'),
  temperature: advisory("The temperature was left out or brought into the target's range."),
  'top-p': advisory('`top_p` was left out.'),
  'top-k': advisory('`top_k` was left out.'),
  'stop-sequences': advisory('Some stop sequences were left out; the answer may go on longer.'),
  'max-tokens-added': advisory(
    'The target needs a limit of output tokens and the caller named none, so one was added.',
  ),
  'max-tokens-lowered': advisory("The limit of output tokens was lowered to what the target's model can put out."),
  'max-tokens-raised': advisory('The limit of output tokens was raised to the least that the target takes.'),
  'system-position': advisory(
    "Instructions that stood within the conversation, or alone, were moved or became a user's turn.",
  ),
  'tool-strict': advisory('Tool arguments are not bound strictly to their schema at the target.'),
  'tool-name': advisory('A tool has another name towards the target; the caller sees its own name again.'),
  'tool-stub': advisory(
    'A tool that the history uses but the request no longer declares was declared without a schema, because the target wants it declared.',
  ),
  'parallel-tools': advisory('The wish for one tool call at a time was left out.'),
  'json-object-mode': advisory(
    'JSON without a schema was asked for; the target has no such mode, so only the prompt asks for it.',
  ),
  'schema-simplified': advisory('A JSON schema was rewritten in the words that the target knows.'),
  'image-detail': advisory('The hint how closely to look at an image was left out.'),
  verbosity: advisory('The wish for a longer or shorter answer was left out.'),
  user: advisory('The id of the end user was left out.'),
  metadata: advisory("The caller's own metadata was left out."),
  'service-tier': advisory("The service tier was left out; the target's default applies."),
  store: advisory('The wish that the provider stores the answer was left out; a later call cannot name it.'),
  'safety-settings': advisory("Settings of the provider's own filters were left out; the target's own apply."),
  'participant-name': advisory('The name of a participant was left out.'),
  'document-name': advisory('The name of a document was left out or changed to what the target takes.'),
  'refusal-as-text': advisory('A refusal is told as plain text.'),
  citations: advisory('Citations or annotations were left out.'),
  'stream-options': advisory('A wish about the form of the stream was left out.'),
  'tool-error-flag': advisory('The target has no mark for a failed tool; the result goes without it.'),
  'tool-result-media': advisory("Images or documents of a tool's result were moved behind it, into a user's turn."),
  beta: advisory(
    "A beta of Anthropic's that the caller asked for was left out, because the target is not known to take it.",
  ),
  'context-edits': advisory(
    'The wish that the provider clears old thinking or tool results from the context was left out; the target sees them.',
  ),
  'deferred-tools': advisory(
    'Of the tools that are loaded on demand those that were loaded are declared, the others not yet; the model finds them as before.',
  ),
  include: advisory('A wish for further data in the answer was left out.'),
  truncation: advisory('The wish that the provider shortens a long history by itself was left out.'),
} as const satisfies Readonly<Record<string, LossEntry>>;

export type LossCode = keyof typeof LOSSES;

export interface Loss {
  readonly code: LossCode;
  /** Where in the source document: a JSON pointer, at most 128 characters, keys only as far as the dialect knows them. Never a value. */
  readonly at: string;
}

export function isEssential(loss: Loss): boolean {
  return LOSSES[loss.code].severity === 'essential';
}
