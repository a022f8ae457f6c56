// SPDX-License-Identifier: Apache-2.0
// The scenes that each pair of dialects plays: what an app wants, what must come of it, and how the primary fails meanwhile. Data.

import { createHash } from 'node:crypto';
import { type AppTool, type HeardCall, PICTURE, REPORT_SCHEMA, TIME, WEATHER, type Wish } from './apps/app.ts';
import type { FallbackName } from './failover-targets.ts';

export type CallerName = 'chat' | 'responses' | 'messages' | 'gemini' | 'converse' | 'cohere' | 'ollama';

export interface Pair {
  readonly from: CallerName;
  readonly to: FallbackName;
}

export interface Scene {
  readonly name: string;
  readonly wish: Omit<Wish, 'model' | 'system'>;
  /** What the simulated fallback says (test/fakes/provider/inquiry.ts). */
  readonly text: string;
  readonly calls: readonly HeardCall[];
  /** Pieces of its text. */
  readonly pieces: number;
  /** The called tools answer, and the model goes on. */
  readonly loop?: 'text' | 'picture';
  /** The fallback fails as well, and the SDK has to throw: with this status, or none where the answer had begun. */
  readonly fails?: { readonly how: string; readonly status?: number };
}

/** Pieces of a whole text. */
export const PIECES = 8;
const LIMIT = 3;
const CALL_WEATHER = { name: 'get_weather', args: { city: 'simulated', days: 1 } };
const CALL_TIME = { name: 'get_time', args: { zone: 'utc' } };
const BOTH: readonly AppTool[] = [WEATHER, TIME];
const DOCUMENT = Buffer.from('%PDF-1.4 not really a document');

const WITH_DOCUMENTS: readonly CallerName[] = ['chat', 'responses', 'messages', 'gemini', 'converse'];
/** Whose dialects can put pictures into the results of tools. */
const WITH_PICTURE_RESULTS: readonly CallerName[] = ['messages', 'responses', 'converse'];
/** Whose thoughts are signed, so that a tool loop needs them back. */
const SIGNED: readonly FallbackName[] = ['anthropic', 'invoke', 'vertex'];

function called(name: string, wish: Scene['wish'], ...calls: readonly HeardCall[]): Scene {
  return { name, wish: { tools: BOTH, ...wish }, text: '', calls, pieces: 0 };
}

function scenes({ from, to }: Pair): readonly Scene[] {
  const say = (words: string) => `${words} (${from} to ${to})`;
  const spoken = (name: string, wish: Scene['wish'], text = `Simulated echo: ${wish.prompt}`): Scene => ({
    name,
    wish,
    text,
    calls: [],
    pieces: PIECES,
  });
  const explained = { text: 'Let me look that up. 🔎', pieces: PIECES } as const;
  const limited = [...`Simulated echo: ${say('how long?')}`];
  const hash = createHash('sha256').update(PICTURE).digest('hex').slice(0, 12);
  const seen = `Simulated echo: ${say('look')} [image of ${PICTURE.length} bytes, sha256 ${hash}]`;
  const all: Scene[] = [
    spoken('text', { prompt: say('Grüße 👋'), stream: false }),
    spoken('stream', { prompt: say('zähle 👋'), stream: true }),
    called('tool', { prompt: say('call get_weather'), stream: false }, CALL_WEATHER),
    called('parallel-tools', { prompt: say('call get_weather, get_time'), stream: false }, CALL_WEATHER, CALL_TIME),
    called('streamed-tools', { prompt: say('stream get_weather, get_time'), stream: true }, CALL_WEATHER, CALL_TIME),
    {
      ...called(
        'text-then-tools',
        { prompt: say('explain get_weather, get_time'), stream: true },
        CALL_WEATHER,
        CALL_TIME,
      ),
      ...explained,
    },
    {
      ...called('whole-text-then-tool', { prompt: say('explain get_weather'), stream: false }, CALL_WEATHER),
      ...explained,
    },
    spoken('image', { prompt: say('look'), stream: false, image: PICTURE }, seen),
    spoken(
      'json-schema',
      { prompt: say('report'), stream: false, schema: REPORT_SCHEMA },
      '{"city":"simulated","warm":true}',
    ),
    {
      ...spoken('limit', { prompt: say('how long?'), stream: false, limit: LIMIT }),
      text: limited.slice(0, Math.floor((LIMIT * limited.length) / PIECES)).join(''),
      pieces: LIMIT,
    },
    {
      ...called('tool-loop', { prompt: say('loop get_weather, get_time'), stream: true }, CALL_WEATHER, CALL_TIME),
      loop: 'text',
    },
    {
      ...called('whole-tool-loop', { prompt: say('loop explain get_weather'), stream: false }, CALL_WEATHER),
      ...explained,
      loop: 'text',
    },
    ...['cut=6', 'error=6', 'truncate=6'].map((breaks) => ({
      ...spoken(`break-${breaks.slice(0, -2)}`, { prompt: say(`${breaks} off`), stream: true }),
      fails: { how: breaks },
    })),
    { ...spoken('mistake', { prompt: say('mistake'), stream: false }), fails: { how: 'status=400', status: 400 } },
    { ...spoken('exhausted', { prompt: say('exhausted'), stream: true }), fails: { how: 'status=503', status: 503 } },
  ];
  // It has no way to insist on a call.
  if (from !== 'ollama') {
    all.push(called('must-call', { prompt: say('decide'), stream: false, mustCall: true }, CALL_WEATHER));
  }
  if (WITH_DOCUMENTS.includes(from)) {
    all.push(spoken('document', { prompt: say('read'), stream: false, document: DOCUMENT }));
  }
  if (WITH_PICTURE_RESULTS.includes(from)) {
    const wish = { prompt: say('picture of get_weather'), stream: false };
    all.push({ ...called('picture-loop', wish, CALL_WEATHER), loop: 'picture' });
  }
  if (WITH_DOCUMENTS.includes(from) && SIGNED.includes(to)) {
    const wish = { prompt: say('think of get_weather'), stream: true, thinks: true } as const;
    all.push({ ...called('thinking-loop', wish, CALL_WEATHER), loop: 'text' });
  }
  return all;
}

/** Each pair meets all the first ones, rotated over its first scenes; the others fill up. Two of them cost the time of a timeout. */
const WHOLE_FAULTS = {
  first: ['status=429; retry-after=30', 'status=529', 'reset=head', 'hang=head', 'truncate=1'],
  more: ['empty', 'status=500', 'close', 'status=503; retry-after=5', 'html', 'status=429'],
} as const;
/** Only streams have a preamble. */
const STREAM_FAULTS = {
  first: ['error=preamble', 'stall=preamble', 'cut=preamble'],
  more: ['status=529', 'reset=head', 'html', 'truncate=preamble', 'reset=preamble'],
} as const;

/** @param turn where the rotation begins */
export function scenesOf(pair: Pair, turn: number): readonly { readonly scene: Scene; readonly fault: string }[] {
  const counts = { whole: 0, streamed: 0 };
  return scenes(pair).map((scene) => {
    const { first, more } = scene.wish.stream ? STREAM_FAULTS : WHOLE_FAULTS;
    const place = counts[scene.wish.stream ? 'streamed' : 'whole']++;
    const list = place < first.length ? first : more;
    return { scene, fault: list[(turn + place) % list.length] ?? '' };
  });
}
