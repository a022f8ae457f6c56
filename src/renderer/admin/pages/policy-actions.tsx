// SPDX-License-Identifier: Apache-2.0
// What may be done with a version now, by who is signed in. What its state or the four eyes forbid says why; what roles forbid is not shown.

import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { RINGS } from '../../../contract/sync/rings.ts';
import { hashOf } from '../model/route.ts';
import type { Store } from '../model/store.ts';
import { Button } from '../parts/button.tsx';
import { Failure } from '../parts/failure.tsx';
import { SelectField, TextField } from '../parts/fields.tsx';
import { FormDialog } from '../parts/form.tsx';
import { useAct } from '../parts/hooks.ts';
import { STRINGS } from '../strings.ts';
import type { PolicyVersion } from './policy.tsx';

const words = STRINGS.policy;

interface ActionsProps {
  readonly store: Store;
  readonly policy: PolicyVersion;
  readonly fourEyes: boolean;
  /** Percents, rising, of the organisation's roll-outs. */
  readonly stages: readonly number[];
  /** Something was changed. */
  readonly onDone: () => void;
}

type Asked = 'withdraw' | 'publish' | 'advance' | 'halt' | 'rollback';

export function PolicyActions({ store, policy, fourEyes, stages, onDone }: ActionsProps) {
  const { version, state, author, approver, restores } = policy;
  const asked = useSignal<Asked | undefined>(undefined);
  const act = useAct();
  const close = () => {
    asked.value = undefined;
  };
  const ask = (what: Asked) => () => {
    asked.value = what;
  };
  const said = (text: string) => () => {
    close();
    store.say(text);
    onDone();
  };
  const [writes, approves] = [store.session.can('policies.write'), store.session.can('policies.approve')];
  const open = state === 'draft' || state === 'proposed';
  const own = author === store.session.actor.value;
  const notPublishable = fourEyes && (state === 'draft' || approver === null) ? words.why.fourEyes : undefined;
  const notApprovable = approver !== null ? words.why.approved : own ? words.why.own : undefined;
  const notHaltable = state === 'active' && restores !== null ? words.why.restored : undefined;
  const { client } = store;
  const props = { store, policy, stages, said, onClose: close };
  return (
    <>
      {writes && open && <Button onClick={ask('withdraw')}>{words.withdraw}</Button>}
      {writes && state === 'draft' && (
        <Button onClick={() => void act.run(() => client.propose({ version }), said(words.proposeDone(version)))}>
          {words.propose}
        </Button>
      )}
      {approves && state === 'proposed' && (
        <Button
          why={notApprovable}
          onClick={() => void act.run(() => client.approve({ version }), said(words.approveDone(version)))}
        >
          {words.approve}
        </Button>
      )}
      {approves && open && (
        <Button kind="primary" why={notPublishable} onClick={ask('publish')}>
          {words.publish}
        </Button>
      )}
      {approves && (state === 'replaced' || state === 'active') && (
        <Button onClick={ask('rollback')}>{words.rollback}</Button>
      )}
      {approves && (state === 'rolling' || state === 'active') && (
        <Button kind="danger" why={notHaltable} onClick={ask('halt')}>
          {words.halt}
        </Button>
      )}
      {approves && state === 'rolling' && (
        <Button kind="primary" onClick={ask('advance')}>
          {words.advance}
        </Button>
      )}
      <Failure failure={act.failure.value} changing faults />
      {asked.value === 'publish' && <Publish {...props} />}
      {asked.value === 'halt' && <Halt {...props} />}
      {asked.value === 'advance' && (
        <Sure
          title={words.advanceTitle(version)}
          submit={words.advance}
          work={() => client.advance({ version })}
          onDone={said(words.advanceDone(version))}
          onClose={close}
        >
          {words.advanceText(policy.stage, stages.find((stage) => stage > policy.stage) ?? 100)}
        </Sure>
      )}
      {asked.value === 'withdraw' && (
        <Sure
          title={words.withdrawTitle(version)}
          submit={words.withdraw}
          danger
          work={() => client.withdraw({ version })}
          onDone={said(words.withdrawDone(version))}
          onClose={close}
        >
          {words.withdrawText}
        </Sure>
      )}
      {asked.value === 'rollback' && (
        <Sure
          title={words.rollbackTitle(version)}
          submit={words.rollback}
          danger
          work={() => client.rollback({ version })}
          onDone={(made) => {
            close();
            store.say(words.rollbackDone(made.version, version));
            location.hash = hashOf('policies', [made.version]);
          }}
          onClose={close}
        >
          {words.rollbackText}
        </Sure>
      )}
    </>
  );
}

interface SureProps<T> {
  readonly title: string;
  readonly submit: string;
  readonly danger?: boolean;
  readonly work: () => Promise<T>;
  readonly onDone: (value: T) => void;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

function Sure<T>({ children, danger = false, ...more }: SureProps<T>) {
  return (
    <FormDialog {...more} danger={danger}>
      <p>{children}</p>
    </FormDialog>
  );
}

interface AskProps extends Pick<ActionsProps, 'store' | 'policy' | 'stages'> {
  readonly said: (text: string) => () => void;
  readonly onClose: () => void;
}

function Publish({ store, policy, stages, said, onClose }: AskProps) {
  const { version } = policy;
  const stage = useSignal('');
  return (
    <FormDialog
      title={words.publishTitle(version)}
      submit={words.publish}
      work={() => {
        const body = stage.value === '' ? {} : { stage: Number(stage.value) };
        return store.client.publish({ version, body });
      }}
      onDone={said(words.publishDone(version))}
      onClose={onClose}
    >
      <p>{words.publishText}</p>
      <SelectField
        label={words.first}
        value={stage}
        choices={[
          { value: '', label: words.firstDefault(stages[0] ?? 100) },
          ...RINGS.map(({ upto }) => ({ value: String(upto), label: words.firstStage(upto) })),
        ]}
      />
    </FormDialog>
  );
}

function Halt({ store, policy, said, onClose }: AskProps) {
  const { version } = policy;
  const reason = useSignal('');
  return (
    <FormDialog
      title={words.haltTitle(version)}
      submit={words.halt}
      danger
      work={() => store.client.halt({ version, body: { reason: reason.value.trim() } })}
      onDone={said(words.haltDone(version))}
      onClose={onClose}
    >
      <p>{words.haltText}</p>
      <TextField label={words.reason} value={reason} required maxLength={256} />
    </FormDialog>
  );
}
