// SPDX-License-Identifier: Apache-2.0
// A sentence with names from outside in it, each kept apart: one that is written from right to left turns nothing else around.

const PLACES: readonly string[] = ['\ue000', '\ue001'];

/** @param of makes the sentence of two names */
export function Sentence(props: {
  readonly of: (one: string, other: string) => string;
  readonly names: readonly [one: string, other: string];
}) {
  const parts = props.of('\ue000', '\ue001').split(/([\ue000\ue001])/);
  return (
    <>
      {parts.map((part) => {
        const at = PLACES.indexOf(part);
        return at < 0 ? part : <bdi key={part}>{props.names[at]}</bdi>;
      })}
    </>
  );
}
