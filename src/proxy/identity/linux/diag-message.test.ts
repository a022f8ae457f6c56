// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Peer } from '../owner.ts';
import { diagQuestion, readAnswer } from './diag-message.ts';

const peer: Peer = { family: 4, localPort: 0x1f90, remotePort: 0xa028 };

/** Without white space. */
const hex = (text: string) => text.replaceAll(/\s/g, '');
const bytes = (text: string) => Uint8Array.from(Buffer.from(hex(text), 'hex'));
const asHex = (question: Uint8Array | undefined) => Buffer.from(question ?? []).toString('hex');

const HEAD = '48000000 1400 0100 00000000 00000000';
const ENDS = 'a028 1f90 7f000001 000000000000000000000000 7f000001 000000000000000000000000';

test('the question names exactly the client’s end, in any state, without a cookie', () => {
  assert.equal(asHex(diagQuestion(peer, true)), hex(`${HEAD} 02 06 00 00 ffffffff ${ENDS} 01000000 ffffffff ffffffff`));
  const six = 'a028 1f90 00000000000000000000000000000001 00000000000000000000000000000001 01000000';
  assert.equal(
    asHex(diagQuestion({ ...peer, family: 6 }, true)),
    hex(`${HEAD} 0a 06 00 00 ffffffff ${six} ffffffff ffffffff`),
  );
  const big = '00000048 0014 0001 00000000 00000000';
  assert.equal(asHex(diagQuestion(peer, false)), hex(`${big} 02 06 00 00 ffffffff ${ENDS} 00000001 ffffffff ffffffff`));
});

test('nothing is asked about another address than the usual loopback one', () => {
  assert.equal(diagQuestion({ ...peer, remoteAddress: '127.0.0.5' }, true), undefined);
  assert.equal(diagQuestion({ ...peer, family: 6, remoteAddress: 'fe80::1' }, true), undefined);
  assert.notEqual(diagQuestion({ ...peer, remoteAddress: '::ffff:127.0.0.1' }, true), undefined);
});

/** As the kernel wrote it, without the attributes that follow. */
const answer = (ends: string, uid: string, inode: string) =>
  bytes(
    `58000000 1400 0000 00000000 19430000 02 01 00 00 ${ends} 00000000 0100000000000000 00000000 00000000 00000000 ${uid} ${inode}`,
  );

test('the answer gives user and inode', () => {
  assert.deepEqual(readAnswer(answer(ENDS, 'e8030000', 'a60d1800'), peer, true), {
    row: { uid: 1000, inode: '1576358' },
  });
  assert.deepEqual(readAnswer(answer(ENDS, 'e8030000', '000000f0'), peer, true), {
    row: { uid: 1000, inode: '4026531840' },
  });
});

test('a socket that its owner has closed says nothing, and one that listens on the client’s port is another', () => {
  assert.deepEqual(readAnswer(answer(ENDS, '00000000', '00000000'), peer, true), { row: undefined });
  for (const port of ['1f90', 'a028']) {
    const another = ENDS.replace(port, '0000');
    assert.deepEqual(readAnswer(answer(another, 'e8030000', 'a60d1800'), peer, true), { row: undefined }, port);
  }
});

test('"no such socket" is an answer; any other error, another message and a cut one are none', () => {
  const error = (code: string) => bytes(`24000000 0200 0000 00000000 19430000 ${code} ${HEAD}`);
  assert.deepEqual(readAnswer(error('feffffff'), peer, true), { row: undefined });
  assert.equal(readAnswer(error('ffffffff'), peer, true), 'unusable');
  const whole = answer(ENDS, 'e8030000', 'a60d1800');
  for (let length = 0; length < whole.length; length++) {
    assert.equal(readAnswer(whole.subarray(0, length), peer, true), 'unusable', `${length}`);
  }
  for (const [place, value] of [
    [0, 0x57],
    [4, 3],
  ] as const) {
    const other = whole.slice();
    other[place] = value;
    assert.equal(readAnswer(other, peer, true), 'unusable', `${place}`);
  }
});
