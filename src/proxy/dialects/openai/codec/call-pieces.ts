// SPDX-License-Identifier: Apache-2.0
// Puts tool calls together from the pieces of a chat stream, in all the ways in which hosts number them: by index, by id, by neither,
// with an index that is always 0 or -1, whole in one piece, with the name after the first arguments.

import type { HubEvent } from '../../hub/hub.ts';
import { asObject, asString, type Values } from '../../json/values.ts';
import { argsText } from './decode-messages.ts';

interface Call {
  /** As the host said it; '' when it did not. */
  readonly wireId: string;
  readonly id: string;
  /** Undefined until the name has come: nothing is told before. */
  name: string | undefined;
  /** Arguments that came before the name. */
  held: string;
}

export class CallPieces {
  readonly #calls: Call[] = [];
  readonly #byIndex = new Map<number, Call>();
  readonly #byId = new Map<string, Call>();
  readonly #ids = new Set<string>();

  #any = false;

  /** Has any call begun? */
  get any(): boolean {
    return this.#any;
  }

  /** One element of `tool_calls`. False: nothing of a call in it. */
  read(value: unknown, out: HubEvent[]): boolean {
    const piece = asObject(value);
    const inner = asObject(piece?.['function']);
    const text = argsText(inner?.['arguments']);
    if (piece === undefined || inner === undefined || text === undefined) return false;
    const name = asString(inner['name']) ?? '';
    const call = this.#callOf(piece, name);
    if (call.name !== undefined) {
      if (text !== '') out.push({ kind: 'tool-args', id: call.id, text });
      return true;
    }
    call.held += text;
    if (name === '') return true;
    call.name = name;
    this.#any = true;
    out.push({ kind: 'tool-start', id: call.id, name });
    if (call.held !== '') out.push({ kind: 'tool-args', id: call.id, text: call.held });
    call.held = '';
    return true;
  }

  /** Ends all calls. False: one of them never got a name and is lost. */
  close(out: HubEvent[]): boolean {
    let whole = true;
    for (const { id, name } of this.#calls.splice(0)) {
      if (name === undefined) whole = false;
      else out.push({ kind: 'tool-end', id });
    }
    return whole;
  }

  #callOf(piece: Values, name: string): Call {
    const wireId = asString(piece['id']) ?? '';
    const index = piece['index'];
    if (typeof index === 'number' && index >= 0) {
      const known = this.#byIndex.get(index);
      // Some hosts give every call the index 0. A new id with a name is a new call; a new id alone is not (some make one per piece).
      const isOther =
        known !== undefined && wireId !== '' && name !== '' && known.name !== undefined && wireId !== known.wireId;
      const call = known === undefined || isOther ? this.#begin(wireId) : known;
      if (call !== known) this.#byIndex.set(index, call);
      return call;
    }
    const known = wireId === '' ? undefined : this.#byId.get(wireId);
    if (known !== undefined) return known;
    const last = this.#calls.at(-1);
    return last === undefined || wireId !== '' || name !== '' ? this.#begin(wireId) : last;
  }

  #begin(wireId: string): Call {
    let id = wireId === '' ? `call_${this.#calls.length}` : wireId;
    for (let n = this.#calls.length; this.#ids.has(id); n++) id = `${wireId === '' ? 'call' : wireId}_${n}`;
    this.#ids.add(id);
    const call: Call = { wireId, id, name: undefined, held: '' };
    this.#calls.push(call);
    if (wireId !== '') this.#byId.set(wireId, call);
    return call;
  }
}
