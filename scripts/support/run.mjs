// SPDX-License-Identifier: Apache-2.0
// Starts programs and tells how long things take. Built-in modules only.

import { spawn } from 'node:child_process';

/** Runs a program to its end and keeps what it printed. Never throws: a program that cannot start has code 127. */
export function collect(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk) => {
      output += chunk;
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => resolve({ code: 127, output: error.message, missing: error.code === 'ENOENT' }));
    child.on('close', (code, signal) => resolve({ code: code ?? (signal === null ? 1 : 128), output, missing: false }));
  });
}

/**
 * Runs a program on this terminal and resolves to its exit code. Signals are passed on, but not a Ctrl-C: the terminal itself
 * gives that to both, and to get it twice means "at once" to many programs.
 */
export function attach(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: 'inherit' });
    const pass = (signal) => (signal === 'SIGINT' && process.stdin.isTTY === true ? undefined : child.kill(signal));
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, pass);
    const done = (code) => {
      for (const signal of signals) process.off(signal, pass);
      resolve(code);
    };
    child.on('error', (error) => {
      process.stderr.write(`${error.message}\n`);
      done(127);
    });
    child.on('close', (code, signal) => done(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

export function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/** One line of progress: on a terminal it counts the seconds in place, elsewhere it is printed once at either end. */
export async function progress(what, work, { quiet = false, out = process.stderr } = {}) {
  if (quiet) return work();
  const start = performance.now();
  const live = out.isTTY === true;
  const show = () => out.write(`\r${what} … ${Math.floor((performance.now() - start) / 1000)} s`);
  out.write(live ? what : `${what} …\n`);
  const ticking = live ? setInterval(show, 1000) : undefined;
  try {
    const result = await work();
    out.write(live ? `\r${what} … done in ${seconds(start)}\n` : `done in ${seconds(start)}\n`);
    return result;
  } catch (error) {
    if (live) out.write('\n');
    throw error;
  } finally {
    clearInterval(ticking);
  }
}
