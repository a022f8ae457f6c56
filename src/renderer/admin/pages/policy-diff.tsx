// SPDX-License-Identifier: Apache-2.0
// What a text changes against the active version, line by line. Signs and words say what colours say.

import { Scroll } from '../../parts/scroll.tsx';
import type { AnswerOf } from '../client/admin-client.ts';
import type { PolicyTexts } from '../model/editor.ts';
import type { Store } from '../model/store.ts';
import { useLoad } from '../parts/hooks.ts';
import { Empty, Loaded } from '../parts/loaded.tsx';
import { STRINGS } from '../strings.ts';

type Text = AnswerOf<'diffPolicy'>['texts'][number];
type Hunk = Text['hunks'][number];
const words = STRINGS.diff;

interface DiffProps {
  readonly store: Store;
  readonly texts: PolicyTexts;
}

export function PolicyDiff({ store, texts }: DiffProps) {
  const { config, files } = texts;
  const loading = useLoad(
    store,
    () => store.client.diffPolicy({ body: { config, files: { ...files }, against: null } }),
    [config, files],
  );
  return (
    <Loaded of={loading}>
      {(diff) =>
        diff.texts.length === 0 ? (
          <Empty title={words.same}>
            <p>{words.sameText}</p>
          </Empty>
        ) : (
          <>
            <p class="quiet">{words.text(diff.against)}</p>
            {diff.texts.map((text) => (
              <TextDiff key={text.name} text={text} />
            ))}
          </>
        )
      }
    </Loaded>
  );
}

interface Line {
  readonly kind: Hunk['lines'][number]['kind'];
  readonly text: string;
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** Each line with its number in both texts. */
export function numbered({ old_start, new_start, lines }: Hunk): readonly Line[] {
  let [before, after] = [old_start, new_start];
  return lines.map(({ kind, text }) => ({
    kind,
    text,
    before: kind === 'added' ? undefined : before++,
    after: kind === 'removed' ? undefined : after++,
  }));
}

function TextDiff({ text }: { readonly text: Text }) {
  const name = text.name === '' ? words.config : text.name;
  return (
    <section aria-label={name}>
      <h2>{name}</h2>
      {text.hunks.length === 0 ? (
        <p>{words.tooMuch}</p>
      ) : (
        <Scroll label={words.table(name)}>
          <table class="diff">
            <thead class="hidden">
              <tr>
                <th scope="col">{words.lines.old}</th>
                <th scope="col">{words.lines.new}</th>
                <th scope="col">{words.lines.change}</th>
                <th scope="col">{words.lines.text}</th>
              </tr>
            </thead>
            {text.hunks.map((hunk) => (
              <tbody key={`${hunk.old_start}:${hunk.new_start}`}>
                {numbered(hunk).map(({ kind, text: line, before, after }) => (
                  <tr key={`${before}:${after}`} class={`line-${kind}`}>
                    <td class="number right quiet">{before}</td>
                    <td class="number right quiet">{after}</td>
                    <td>
                      <span aria-hidden="true">{words.signs[kind]}</span>
                      <span class="hidden">{words.kinds[kind]}</span>
                    </td>
                    <td>
                      <code>{line}</code>
                    </td>
                  </tr>
                ))}
              </tbody>
            ))}
          </table>
        </Scroll>
      )}
    </section>
  );
}
