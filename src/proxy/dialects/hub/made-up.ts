// SPDX-License-Identifier: Apache-2.0
// What the agent had to make up in a translated answer, and how it is taken out again: reasoning and item ids that stand in the caller's
// history, where its own provider would refuse them. All of it carries a mark, so that nothing else is ever taken out.

import type { DialectId } from '../dialect.ts';
import { type Cut, cutsOf, withCuts } from '../json/cut.ts';
import { type JsonNode, parseJsonNode } from '../json/node.ts';
import { asString } from '../json/values.ts';

/**
 * Stands where a provider signs or encrypts its reasoning. Valid base64, so that whoever checks the form is content, and letters and
 * digits only, so that no writer of JSON escapes it.
 */
export const MADE_UP_OPAQUE = 'MadeUpByOutpost0';

/** After its type's prefix (`rs_`, `msg_`, `fc_`: OpenAI checks them) the id of a Responses item begins so when the agent made it up. */
export const MADE_UP_ID = 'outpost_';

const MADE_UP_IDS = /^[a-z]{2,4}_outpost_/;
const MADE_UP_REASONING = /^rs_outpost_/;

/** A provider's signature or encrypted reasoning; '' where there is none. */
export function opaqueIn(value: unknown): string {
  const data = asString(value) ?? '';
  return data === MADE_UP_OPAQUE ? '' : data;
}

/**
 * A request without what the agent made up in earlier answers; `body` is not compressed. Everything else stays byte for byte. The same
 * buffer where there is nothing to take out, and for what is not JSON. Other dialects need nothing of it: Gemini's thoughts are never
 * signed, and its calls carry Google's own word for the history of others.
 */
export function withoutMadeUp(dialect: DialectId, body: Buffer): Buffer {
  switch (dialect) {
    case 'anthropic-messages':
    case 'bedrock-invoke':
      return body.includes(MADE_UP_OPAQUE) ? withCuts(body, messageCuts(body, isMadeUpThinking, undefined)) : body;
    case 'bedrock-converse':
      return body.includes(MADE_UP_OPAQUE) ? withCuts(body, messageCuts(body, isMadeUpReasoning, NO_ANSWER)) : body;
    case 'openai-responses':
      return body.includes(MADE_UP_ID) || body.includes(MADE_UP_OPAQUE) ? withCuts(body, itemCuts(body)) : body;
    default:
      return body;
  }
}

/** Converse wants turns to alternate and no text to be blank, so a message that has lost all it had says this. */
const NO_ANSWER = '{"text":"(no answer)"}';

function isMadeUpThinking(block: JsonNode): boolean {
  return block.get('type')?.string === 'thinking' && block.get('signature')?.string === MADE_UP_OPAQUE;
}

function isMadeUpReasoning(block: JsonNode): boolean {
  return block.get('reasoningContent')?.get('reasoningText')?.get('signature')?.string === MADE_UP_OPAQUE;
}

/**
 * `instead`: the one block of a message that has lost all it had. undefined: the message goes, because Anthropic refuses empty content
 * but takes turns of one role after the other.
 */
function messageCuts(
  body: Buffer,
  isMadeUp: (block: JsonNode) => boolean,
  instead: string | undefined,
): readonly Cut[] {
  const messages = elementsOf(parseJsonNode(body)?.get('messages'));
  const cuts: Cut[] = [];
  const gone = new Set<JsonNode>();
  for (const message of messages) {
    if (message.get('role')?.string !== 'assistant') continue;
    const blocks = elementsOf(message.get('content'));
    const madeUp = new Set(blocks.filter(isMadeUp));
    const [first] = blocks;
    const last = blocks.at(-1);
    if (madeUp.size < blocks.length) for (const cut of cutsOf(blocks, (block) => madeUp.has(block))) cuts.push(cut);
    else if (first === undefined || last === undefined) continue;
    else if (instead === undefined) gone.add(message);
    else cuts.push({ start: first.start, end: last.end, text: instead });
  }
  return inOrder([...cuts, ...cutsOf(messages, (message) => gone.has(message))]);
}

/**
 * OpenAI looks up items by their ids, and answers 404 or 400 for those that it does not know. Made-up reasoning goes, with references
 * to it; other items are complete without their ids. A reference to one of those cannot be helped.
 */
function itemCuts(body: Buffer): readonly Cut[] {
  const items = elementsOf(parseJsonNode(body)?.get('input'));
  const cuts: Cut[] = [...cutsOf(items, isMadeUpItem)];
  for (const item of items) {
    if (isMadeUpItem(item) || item.get('type')?.string === 'item_reference') continue;
    const members: (Pick<Cut, 'start' | 'end'> & { readonly madeUp: boolean })[] = [];
    item.members((key, value, name) => {
      members.push({
        start: name.start,
        end: value.end,
        madeUp: key === 'id' && MADE_UP_IDS.test(value.string ?? ''),
      });
    });
    for (const cut of cutsOf(members, ({ madeUp }) => madeUp)) cuts.push(cut);
  }
  return inOrder(cuts);
}

/** By its id, or where the client keeps none, by what is said to be encrypted. */
function isMadeUpItem(item: JsonNode): boolean {
  const type = item.get('type')?.string;
  if (type !== 'reasoning' && type !== 'item_reference') return false;
  return (
    MADE_UP_REASONING.test(item.get('id')?.string ?? '') || item.get('encrypted_content')?.string === MADE_UP_OPAQUE
  );
}

function inOrder(cuts: Cut[]): readonly Cut[] {
  return cuts.sort((a, b) => a.start - b.start);
}

function elementsOf(node: JsonNode | undefined): readonly JsonNode[] {
  const found: JsonNode[] = [];
  node?.elements((element) => found.push(element));
  return found;
}
