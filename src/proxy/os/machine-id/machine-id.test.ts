// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deviceFacts as deviceFactsSchema } from '../../../contract/sync/messages.ts';
import { deviceFacts } from '../../device-facts.ts';
import { machineId, machineOf, type ReadProgram, withPlace } from './machine-id.ts';

const ID = '4f9d2c1b7a8e4d0fb3c2a1908f7e6d5c';
const nothing: ReadProgram = () => '';
const noFile = (): string => {
  throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
};
const files =
  (disk: Readonly<Record<string, string>>) =>
  (path: string): string =>
    disk[path] ?? noFile();

describe('on Linux', () => {
  const at = (disk: Readonly<Record<string, string>>) => machineOf('linux', nothing, files(disk));

  test('it is a keyed hash of the machine id, the same each time, and another on another machine', () => {
    const one = at({ '/etc/machine-id': `${ID}\n` });
    assert.match(one ?? '', /^[0-9a-f]{32}$/);
    assert.ok(!one?.includes(ID.slice(0, 8)), 'the id itself stays here');
    assert.equal(at({ '/etc/machine-id': ID }), one);
    assert.equal(at({ '/var/lib/dbus/machine-id': `${ID}\n` }), one);
    assert.notEqual(at({ '/etc/machine-id': `${ID.replace('4', '5')}\n` }), one);
  });

  test('there is none without a machine id, or with one that was not made yet', () => {
    for (const text of ['', 'uninitialized\n', `${'0'.repeat(32)}\n`, `${ID}${ID}\n`, 'x'.repeat(32)]) {
      assert.equal(at({ '/etc/machine-id': text }), undefined, text);
    }
    assert.equal(at({}), undefined);
  });
});

describe('on macOS', () => {
  const PRINTED = `+-o J314sAP  <class IOPlatformExpertDevice, id 0x100000226, registered, matched, active, busy 0 (51 ms), retain 43>
    {
      "IOPolledInterface" = "AppleARMWatchdogTimerHibernateHandler is not serializable"
      "serial-number" = <43>
      "IOPlatformUUID" = "6A1E0F52-3B7C-4D19-8E55-0C9D2F7AB431"
      "IOPlatformSerialNumber" = "C02FAKE0Q05N"
      "target-type" = <"J314s">
    }
`;
  const asked: string[][] = [];
  const at = (said: string) =>
    machineOf(
      'darwin',
      (file, args) => {
        asked.push([file, ...args]);
        return said;
      },
      noFile,
    );

  test('it is the serial number', () => {
    assert.equal(at(PRINTED), 'C02FAKE0Q05N');
    assert.deepEqual(asked, [['/usr/sbin/ioreg', '-rd1', '-c', 'IOPlatformExpertDevice']]);
  });

  test('there is none where the program says nothing of it', () => {
    for (const said of ['', PRINTED.replace('C02FAKE0Q05N', ''), PRINTED.replace('"C02FAKE0Q05N"', '<00>')]) {
      assert.equal(at(said), undefined);
    }
  });
});

describe('on Windows', () => {
  const PRINTED =
    '\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n' +
    '    MachineGuid    REG_SZ    9b1c7e04-52d3-4a6f-8c11-7f3e0d2a9b58\r\n\r\n';
  const at = (said: string) => machineOf('win32', () => said, noFile);

  test('it is a keyed hash of the id that the setup made', () => {
    const one = at(PRINTED);
    assert.match(one ?? '', /^[0-9a-f]{32}$/);
    assert.ok(!one?.includes('9b1c7e04'));
    assert.equal(at(PRINTED.replace('9b1c7e04', '9B1C7E04')), one);
    assert.notEqual(at(PRINTED.replace('9b1c7e04', '9b1c7e05')), one);
  });

  test('there is none where the program fails', () => {
    for (const said of ['', 'ERROR: The system was unable to find the specified registry key or value.\r\n']) {
      assert.equal(at(said), undefined);
    }
  });
});

test('two agents of one machine are two, and one is the same wherever it is named from', () => {
  const one = withPlace('C02FAKE0Q05N', '/home/a/data');
  assert.match(one, /^C02FAKE0Q05N\/[0-9a-f]{8}$/);
  assert.notEqual(withPlace('C02FAKE0Q05N', '/home/b/data'), one);
  assert.notEqual(
    withPlace('C02FAKE0Q05N', '/home/a/data').slice(-8),
    withPlace('C02FAKE0Q05P', '/home/a/data').slice(-8),
  );
  assert.equal(machineId(process.platform, 'x'), machineId(process.platform, `${process.cwd()}/y/../x/`));
});

test('the facts of a device have it, in the form of the protocol', () => {
  const facts = deviceFactsSchema.parse(deviceFacts('/home/a/data'));
  assert.equal(facts.serial, machineId(process.platform, '/home/a/data'));
  // The longest that it can be.
  assert.ok(withPlace('A'.repeat(64), '/').length <= 128);
});
