// SPDX-License-Identifier: Apache-2.0
// Gemini's contents to hub messages. Its function calls often have no id: they get one from their place, and responses are paired
// with the calls of their name in order.

import type { Message, Part, TextPart } from '../../hub/hub.ts';
import type { LossCode } from '../../hub/loss.ts';
import type { LossList } from '../../hub/losses.ts';
import { listIn } from '../../hub/members.ts';
import { asObject, asString, jsonText, type Values } from '../../json/values.ts';
import { CallPairing } from './call-pairing.ts';
import { readMedia } from './decode-media.ts';
import { readResponse } from './decode-response.ts';
import { camelKeys, FOREIGN_SIGNATURE } from './wire.ts';

const CONTENT_KNOWN: ReadonlySet<string> = new Set(['role', 'parts']);
const DATA_MEMBERS = ['text', 'inlineData', 'fileData', 'functionCall', 'functionResponse'] as const;
const PART_KNOWN: ReadonlySet<string> = new Set([...DATA_MEMBERS, 'thought', 'thoughtSignature']);
const PART_CODES: Readonly<Record<string, LossCode>> = {
  executableCode: 'server-tool',
  codeExecutionResult: 'server-tool',
  toolCall: 'server-tool',
  toolResponse: 'server-tool',
  audioTranscription: 'audio',
  speechMetadata: 'audio',
  videoMetadata: 'video',
  mediaResolution: 'image-detail',
};

export function readSystem(value: unknown, losses: LossList): readonly Message[] {
  if (value === undefined || value === null) return [];
  const at = '/systemInstruction';
  if (typeof value === 'string') return [{ role: 'system', parts: [{ kind: 'text', text: value }] }];
  const content = asObject(value);
  if (content === undefined) {
    losses.add('not-understood', at);
    return [];
  }
  losses.unknownMembers(content, at, CONTENT_KNOWN);
  const parts = readParts(content, 0, at, new CallPairing(), losses);
  const texts = parts.filter((part): part is TextPart => part.kind === 'text');
  if (texts.length < parts.length) losses.add('unknown-part', at);
  return texts.length === 0 ? [] : [{ role: 'system', parts: texts }];
}

export function readContents(contents: readonly unknown[], losses: LossList): readonly Message[] {
  const pairing = new CallPairing();
  const messages: Message[] = [];
  contents.forEach((item, index) => {
    const at = `/contents/${index}`;
    const content = asObject(item);
    if (content === undefined) {
      losses.add('not-understood', at);
      return;
    }
    losses.unknownMembers(content, at, CONTENT_KNOWN);
    const parts = readParts(content, index, at, pairing, losses);
    const role = readRole(content['role'], at, losses);
    // Calls belong to the model and results to its user, whatever the role says.
    const misplaced = role === 'user' ? 'tool-call' : 'tool-result';
    if (parts.some(({ kind }) => kind === misplaced)) losses.add('tool-pairing', at);
    if (parts.length > 0) messages.push({ role, parts });
  });
  if (messages.at(-1)?.role === 'assistant') losses.add('prefill', `/contents/${contents.length - 1}`);
  return messages;
}

function readRole(role: unknown, at: string, losses: LossList): 'user' | 'assistant' {
  if (role === 'model') return 'assistant';
  if (role !== undefined && role !== null && role !== '' && role !== 'user' && role !== 'function') {
    losses.add('not-understood', `${at}/role`);
  }
  return 'user';
}

function readParts(content: Values, index: number, at: string, pairing: CallPairing, losses: LossList): Part[] {
  const single = asObject(content['parts']);
  const list = single === undefined ? listIn(content, 'parts', at, losses) : [single];
  const parts: Part[] = [];
  list.forEach((item, n) => {
    const place = `${at}/parts/${n}`;
    const raw = asObject(item);
    if (raw === undefined) losses.add('unknown-part', place);
    else readPart(camelKeys(raw), index, place, pairing, losses, parts);
  });
  return parts;
}

/** Adds what one part says: none, one, or a part and the signature that stands at it. */
function readPart(part: Values, index: number, at: string, pairing: CallPairing, losses: LossList, into: Part[]): void {
  losses.unknownMembers(part, at, PART_KNOWN, PART_CODES);
  // A part is one thing; which of two Google would take nobody says.
  if (DATA_MEMBERS.filter((name) => part[name] !== undefined && part[name] !== null).length > 1) {
    losses.add('not-understood', at);
  }
  const { text, functionCall, functionResponse } = part;
  const signature = asString(part['thoughtSignature']) ?? '';
  const opaque =
    signature === '' || signature === FOREIGN_SIGNATURE
      ? undefined
      : ({ dialect: 'gemini', form: 'signature', data: signature } as const);
  if (typeof text === 'string') {
    if (part['thought'] === true) {
      if (text !== '' || opaque !== undefined)
        into.push({ kind: 'reasoning', text, ...(opaque === undefined ? {} : { opaque }) });
      return;
    }
    if (text !== '') into.push({ kind: 'text', text });
    if (opaque !== undefined) into.push({ kind: 'reasoning', text: '', opaque });
    return;
  }
  const call = asObject(functionCall);
  if (call !== undefined) {
    const made = readCall(camelKeys(call), index, at, pairing, losses);
    if (made !== undefined) into.push({ ...made, ...(opaque === undefined ? {} : { opaque }) });
    return;
  }
  const response = asObject(functionResponse);
  if (response !== undefined) {
    const made = readResponse(camelKeys(response), index, `${at}/functionResponse`, pairing, losses);
    if (made !== undefined) into.push(made);
    return;
  }
  const media = readMedia(part, at, losses);
  if (media === 'none') {
    // A signature may come alone. Parts that say nothing are nothing; parts of no known kind have made their entry.
    if (opaque !== undefined) into.push({ kind: 'reasoning', text: '', opaque });
    else if (Object.keys(part).some((name) => !Object.hasOwn(PART_CODES, name))) losses.add('unknown-part', at);
  } else if (media !== undefined) into.push(media);
}

function readCall(call: Values, index: number, at: string, pairing: CallPairing, losses: LossList) {
  const name = asString(call['name']) ?? '';
  const { args } = call;
  const absent = args === undefined || args === null;
  const text = absent ? '' : asObject(args) === undefined ? undefined : jsonText(args);
  losses.unknownMembers(call, `${at}/functionCall`, new Set(['id', 'name', 'args']));
  if (name === '' || text === undefined) {
    losses.add('not-understood', `${at}/functionCall`);
    return undefined;
  }
  const id = pairing.called(asString(call['id']), name, index);
  return { kind: 'tool-call', id, name, args: text } as const;
}
