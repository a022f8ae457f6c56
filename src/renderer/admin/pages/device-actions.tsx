// SPDX-License-Identifier: Apache-2.0
// What an administrator does to a device; each is asked about first.

import { useSignal } from '@preact/signals';
import { RINGS } from '../../../contract/sync/rings.ts';
import { Text } from '../../parts/text.tsx';
import type { AnswerOf, CallOf } from '../client/admin-client.ts';
import { format } from '../model/browser.ts';
import type { Store } from '../model/store.ts';
import { Button } from '../parts/button.tsx';
import { Copy } from '../parts/copy.tsx';
import { CloseButton, Dialog } from '../parts/dialog.tsx';
import { SelectField } from '../parts/fields.tsx';
import { Form, FormDialog } from '../parts/form.tsx';
import { useAct } from '../parts/hooks.ts';
import { STRINGS } from '../strings.ts';
import type { DeviceInFull } from './device.tsx';

const words = STRINGS.device;
const MINUTES = [15, 30, 60, 240] as const;

interface ActionProps {
  readonly store: Store;
  readonly device: DeviceInFull;
  /** Something was changed. */
  readonly onDone: () => void;
}

type Action = 'revoke' | 'reenroll' | 'pin' | 'override';

export function DeviceActions({ store, device, onDone }: ActionProps) {
  const open = useSignal<Action | undefined>(undefined);
  const close = () => {
    open.value = undefined;
  };
  const ask = (action: Action) => () => {
    open.value = action;
  };
  const inactive = device.state === 'active' ? undefined : words.onlyActive;
  const props = {
    store,
    device,
    onClose: close,
    onDone: () => {
      close();
      onDone();
    },
  };
  return (
    <>
      <Button onClick={ask('override')} why={inactive}>
        {words.override}
      </Button>
      <Button onClick={ask('pin')}>{words.pin}</Button>
      <Button onClick={ask('reenroll')} why={device.state === 'revoked' ? undefined : inactive}>
        {words.reenroll}
      </Button>
      <Button onClick={ask('revoke')} kind="danger" why={device.state === 'revoked' ? words.already : undefined}>
        {words.revoke}
      </Button>
      {open.value === 'revoke' && <Revoke {...props} />}
      {open.value === 'reenroll' && <Reenroll {...props} />}
      {open.value === 'pin' && <Pin {...props} />}
      {open.value === 'override' && <Override {...props} />}
    </>
  );
}

interface DialogProps extends ActionProps {
  readonly onClose: () => void;
}

function Revoke({ store, device, onDone, onClose }: DialogProps) {
  const { id, name } = device;
  const reason = useSignal('lost');
  return (
    <FormDialog
      title={words.revokeTitle}
      submit={words.revoke}
      danger
      work={() => {
        const body = { reason: reason.value as CallOf<'revoke'>['body']['reason'] };
        return store.client.revoke({ id, body });
      }}
      onDone={() => {
        store.say(words.revokeDone(name));
        onDone();
      }}
      onClose={onClose}
    >
      <p>{words.revokeText(name)}</p>
      <SelectField
        label={words.reason}
        value={reason}
        choices={Object.entries(words.reasons).map(([value, label]) => ({ value, label }))}
      />
    </FormDialog>
  );
}

function Reenroll({ store, device, onDone, onClose }: DialogProps) {
  const { id, name } = device;
  return (
    <FormDialog
      title={words.reenrollTitle}
      submit={words.reenroll}
      work={() => store.client.reenroll({ id })}
      onDone={() => {
        store.say(words.reenrollDone(name));
        onDone();
      }}
      onClose={onClose}
    >
      <p>{words.reenrollText(name)}</p>
    </FormDialog>
  );
}

function Pin({ store, device, onDone, onClose }: DialogProps) {
  const { id, name } = device;
  const ring = useSignal(device.ring_pinned ? device.ring : '');
  return (
    <FormDialog
      title={words.pinTitle}
      submit={words.pin}
      work={() => store.client.pinRing({ id, body: { ring: ring.value === '' ? null : ring.value } })}
      onDone={() => {
        store.say(words.pinDone(name, ring.value === '' ? null : ring.value));
        onDone();
      }}
      onClose={onClose}
    >
      <p>{words.pinText}</p>
      <SelectField
        label={words.ring}
        value={ring}
        choices={[
          { value: '', label: words.pinDrawn },
          ...RINGS.map(({ id: value, upto }) => ({ value, label: words.pinRing(value, upto) })),
        ]}
      />
    </FormDialog>
  );
}

function Override({ store, device, onClose }: DialogProps) {
  const { id, name } = device;
  const minutes = useSignal('15');
  const made = useSignal<AnswerOf<'overrideCode'> | undefined>(undefined);
  const act = useAct();
  const make = async (): Promise<void> => {
    const chosen = MINUTES.find((each) => String(each) === minutes.value) ?? 15;
    made.value = await store.client.overrideCode({ id, body: { minutes: chosen } });
  };
  return (
    <Dialog title={made.value === undefined ? words.overrideTitle : words.codeTitle} onClose={onClose}>
      {made.value === undefined ? (
        <Form act={act} submit={words.overrideShow} danger onSubmit={() => void act.run(make)} onCancel={onClose}>
          <p>{words.overrideText(name)}</p>
          <SelectField
            label={words.minutes}
            value={minutes}
            choices={MINUTES.map((each) => ({ value: String(each), label: words.minutesText(each) }))}
          />
        </Form>
      ) : (
        <>
          <p>
            <Text>{words.codeText(name)}</Text>
          </p>
          <Copy label={words.code} text={made.value.code} large focus />
          <p>{words.codeUntil(format.time(made.value.until, store.clock.now()))}</p>
          <CloseButton onClose={onClose} />
        </>
      )}
    </Dialog>
  );
}
