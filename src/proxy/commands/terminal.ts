// SPDX-License-Identifier: Apache-2.0
// Asking whoever runs a command: a line, a yes, a secret that is not shown, or what is piped in. Knows no command.

import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

export interface Terminal {
  /** Is there a person who can answer? */
  readonly interactive: boolean;
  ask(question: string): Promise<string>;
  /** What is typed is not shown. */
  askSecret(question: string): Promise<string>;
  /** The first line that is piped in. */
  readLine(): Promise<string>;
}

/** A line that is longer is no answer. Characters. */
const LONGEST_LINE = 4_096;

/** Standard input, and standard error for questions: standard output is for results. */
export const terminal: Terminal = {
  get interactive() {
    return process.stdin.isTTY === true && process.stderr.isTTY === true;
  },
  ask: (question) => answerTo(question, process.stderr),
  async askSecret(question) {
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    try {
      return await answerTo(question, nowhere);
    } finally {
      process.stderr.write('\n');
    }
  },
  async readLine() {
    let text = '';
    for await (const chunk of process.stdin) {
      text += String(chunk);
      if (text.includes('\n') || text.length > LONGEST_LINE) break;
    }
    return (text.split('\n')[0] ?? '').slice(0, LONGEST_LINE).trim();
  },
};

/** @param echo where what is typed is shown */
async function answerTo(question: string, echo: NodeJS.WritableStream): Promise<string> {
  // First of all: until then the terminal itself shows what is typed.
  const lines = createInterface({ input: process.stdin, output: echo, terminal: true });
  const stop = new AbortController();
  lines.once('SIGINT', () => stop.abort());
  try {
    if (echo !== process.stderr) process.stderr.write(question);
    return (await lines.question(question, { signal: stop.signal })).slice(0, LONGEST_LINE).trim();
  } catch {
    throw new Error('broken off');
  } finally {
    lines.close();
  }
}
