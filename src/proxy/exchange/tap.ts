// SPDX-License-Identifier: Apache-2.0
// Lets a reader look at an answer's bytes as they pass: as they are, or a decoded copy where they are compressed. The bytes
// that travel are never touched.

import type { AnswerReader } from '../dialects/dialect.ts';
import { createDecoder } from '../dialects/index.ts';

export interface Tap {
  /**
   * The reader cannot see the answer (unknown or damaged coding, or a bomb): nothing it says may hold an answer back. An error is held by
   * its status alone.
   */
  isBlind(): boolean;
  push(chunk: Buffer): void;
  /** Calls back once the reader has seen the end. */
  end(done: () => void): void;
}

/** Compressed bytes that may wait for the decoder; above, the tap goes blind rather than grow. */
const MAX_BACKLOG = 8 * 1024 * 1024;

/** @param coding the value of a content-encoding header */
export function isCoded(coding: string | undefined): coding is string {
  return coding !== undefined && coding.trim().toLowerCase() !== 'identity';
}

/** `onProgress`: the reader has seen more (called later than `push` returns where bytes are decoded). */
export function createTap(reader: AnswerReader, coding: string | undefined, onProgress: () => void): Tap {
  if (!isCoded(coding)) {
    return {
      isBlind: () => false,
      push: (chunk) => {
        reader.push(chunk);
        onProgress();
      },
      end: (done) => {
        reader.end();
        done();
      },
    };
  }
  let blind = false;
  let backlog = 0;
  let last: Promise<void> = Promise.resolve();
  const goBlind = (): void => {
    blind = true;
  };
  const decoder = createDecoder(coding, (bytes) => reader.push(bytes), goBlind);
  return {
    isBlind: () => blind,
    push(chunk) {
      if (!blind && backlog + chunk.length > MAX_BACKLOG) {
        decoder.close();
        goBlind();
      }
      if (blind) {
        onProgress();
        return;
      }
      backlog += chunk.length;
      last = last
        .then(() => decoder.write(chunk))
        .then(() => {
          backlog -= chunk.length;
          onProgress();
        });
    },
    end(done) {
      void last
        .then(() => decoder.end())
        .then(() => {
          if (!blind) reader.end();
          done();
        });
    },
  };
}
