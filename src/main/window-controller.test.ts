// SPDX-License-Identifier: Apache-2.0
// The one window: made on demand, told only while it listens, gone on failure, and how its size lives on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Shell, WindowOptions } from './shell-port.ts';
import { createWindowController } from './window-controller.ts';

interface Made extends WindowOptions {
  readonly sent: unknown[][];
  focused: number;
  destroyed: boolean;
  shown: boolean;
}

function world() {
  const made: Made[] = [];
  const failures: string[] = [];
  let closed = 0;
  const shell: Pick<Shell, 'openWindow'> = {
    openWindow(options) {
      const one: Made = { ...options, sent: [], focused: 0, destroyed: false, shown: true };
      made.push(one);
      return {
        focus: () => one.focused++,
        send: (...message) => one.sent.push(message),
        isShown: () => one.shown,
        destroy() {
          one.destroyed = true;
          options.closed({ width: 700, height: 600 });
        },
      };
    },
  };
  const window = createWindowController({ shell, failed: (reason) => failures.push(reason), closed: () => closed++ });
  return { made, failures, window, closings: () => closed };
}

test('there is no window until it is asked for, and only one', () => {
  const { made, window } = world();
  assert.equal(window.isOpen(), false);
  window.open('#/usage');
  window.open('#/usage');
  assert.equal(made.length, 1);
  assert.equal(made[0]?.address, 'outpost-app://window/#/usage');
  assert.deepEqual(made[0].size, { width: 960, height: 720 });
  assert.equal(made[0].focused, 1);
});

test('a view that is asked for while the page loads is shown as soon as it listens; nothing else is told before', () => {
  const { made, window } = world();
  window.open('#/');
  window.tell('show', { hash: '#/about' });
  window.open('#/activity/abc');
  assert.deepEqual(made[0]?.sent, []);
  window.listens();
  assert.deepEqual(made[0]?.sent, [['outpost:show', { hash: '#/activity/abc' }]]);
  window.open('#/usage');
  assert.deepEqual(made[0]?.sent.at(-1), ['outpost:show', { hash: '#/usage' }]);
});

test('a closed window hears nothing, and the next one has its size', () => {
  const { made, window, closings } = world();
  window.open('#/');
  window.listens();
  made[0]?.closed({ width: 500, height: 640 });
  assert.equal(window.isOpen(), false);
  assert.equal(closings(), 1);
  window.tell('show', { hash: '#/' });
  assert.deepEqual(made[0]?.sent, []);
  window.open('#/');
  assert.deepEqual(made[1]?.size, { width: 500, height: 640 });
  window.tell('show', { hash: '#/' });
  assert.deepEqual(made[1]?.sent, [], 'the new page does not listen yet');
});

test('a minimised window is open, but not shown', () => {
  const { made, window } = world();
  assert.equal(window.isShown(), false);
  window.open('#/');
  assert.equal(window.isShown(), true);
  if (made[0] !== undefined) made[0].shown = false;
  assert.deepEqual([window.isOpen(), window.isShown()], [true, false]);
});

test('a failed window is told once, destroyed, and can be opened again', () => {
  const { made, window, failures, closings } = world();
  window.open('#/');
  made[0]?.failed('renderer-gone', 'oom');
  made[0]?.failed('load-failed', 'error -2');
  assert.deepEqual(failures, ['renderer-gone: oom']);
  assert.equal(made[0]?.destroyed, true);
  assert.equal(closings(), 1);
  window.open('#/');
  assert.equal(made.length, 2);
});
