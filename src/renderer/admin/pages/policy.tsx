// SPDX-License-Identifier: Apache-2.0
// One version of the policy: what it is and where it stands, what may be done with it, and its text, changes, dry run and roll-out.

import { useSignal } from '@preact/signals';
import { RINGS } from '../../../contract/sync/rings.ts';
import type { AnswerOf } from '../client/admin-client.ts';
import { format } from '../model/browser.ts';
import type { PolicyTexts } from '../model/editor.ts';
import { hashOf } from '../model/route.ts';
import { stagesIn } from '../model/settings-text.ts';
import type { Store } from '../model/store.ts';
import { personIn } from '../model/words.ts';
import { FormDialog } from '../parts/form.tsx';
import { Heading } from '../parts/heading.tsx';
import { useLoad } from '../parts/hooks.ts';
import { Listing } from '../parts/listing.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { Tag } from '../parts/tag.tsx';
import { Time } from '../parts/time.tsx';
import { STRINGS } from '../strings.ts';
import { POLICY_TONE } from './policies.tsx';
import { PolicyActions } from './policy-actions.tsx';
import { PolicyDiff } from './policy-diff.tsx';
import { PolicyDryRun } from './policy-dry-run.tsx';
import { Rollout } from './rollout.tsx';

export type PolicyVersion = AnswerOf<'policy'>;
const words = STRINGS.policy;

interface PolicyProps {
  readonly store: Store;
  /** As the address has it. */
  readonly version: string;
  readonly tab: string | undefined;
}

export function Policy({ store, version, tab }: PolicyProps) {
  const loading = useLoad(store, async () => {
    const [policy, settings] = await Promise.all([store.client.policy({ version }), store.client.settings()]);
    const stages = stagesIn(settings.settings) ?? RINGS.map(({ upto }) => upto);
    return { policy, fourEyes: settings.four_eyes, stages };
  });
  const back = { href: hashOf('policies'), label: words.back };
  return (
    <>
      {loading.state.value.kind !== 'loaded' && <Heading store={store} title={STRINGS.views.policies} back={back} />}
      <Loaded of={loading}>
        {({ policy, fourEyes, stages }) => (
          <>
            <Heading store={store} title={words.title(policy.version)} back={back}>
              <PolicyActions
                store={store}
                policy={policy}
                fourEyes={fourEyes}
                stages={stages}
                onDone={() => void loading.reload()}
              />
            </Heading>
            <Facts policy={policy} now={store.clock.now()} />
            <Parts store={store} policy={policy} tab={tab} />
          </>
        )}
      </Loaded>
    </>
  );
}

function Facts({ policy, now }: { readonly policy: PolicyVersion; readonly now: number }) {
  const { state, stage, stage_since, approver, published, restores, halt_reason, sha256 } = policy;
  return (
    <dl class="facts pairs">
      <dt>{STRINGS.policies.columns.state}</dt>
      <dd>
        <Tag tone={POLICY_TONE[state]}>{STRINGS.policyStates[state]}</Tag>
        {state === 'rolling' && stage_since !== null && (
          <span class="under">{words.stageText(stage, format.time(stage_since, now))}</span>
        )}
      </dd>
      {halt_reason !== null && (
        <>
          <dt>{words.halted}</dt>
          <dd>{halt_reason}</dd>
        </>
      )}
      <dt>{words.note}</dt>
      <dd>{policy.note === '' ? <span class="quiet">{words.noNote}</span> : policy.note}</dd>
      <dt>{words.author}</dt>
      <dd>
        {personIn(policy.author)}{' '}
        <span class="quiet">
          <Time at={policy.created} now={now} />
        </span>
      </dd>
      <dt>{words.approver}</dt>
      <dd>{approver === null ? <span class="quiet">{words.notApproved}</span> : personIn(approver)}</dd>
      <dt>{words.published}</dt>
      <dd>
        {published === null ? <span class="quiet">{words.notPublished}</span> : <Time at={published} now={now} />}
      </dd>
      {restores !== null && (
        <>
          <dt>{words.restores}</dt>
          <dd>
            <a href={hashOf('policies', [restores])}>{words.title(restores)}</a>
          </dd>
        </>
      )}
      {sha256 !== null && (
        <>
          <dt>{words.sha}</dt>
          <dd>
            <code>{sha256}</code>
          </dd>
        </>
      )}
    </dl>
  );
}

interface PartsProps {
  readonly store: Store;
  readonly policy: PolicyVersion;
  readonly tab: string | undefined;
}

function Parts({ store, policy, tab }: PartsProps) {
  const mayWrite = store.session.can('policies.write');
  const tabs = (['text', 'diff', 'dry-run', 'rollout'] as const).filter(
    (name) => (name !== 'dry-run' || mayWrite) && (name !== 'rollout' || policy.published !== null),
  );
  const shown = tabs.find((name) => name === tab) ?? 'text';
  const texts: PolicyTexts = { config: policy.config, files: policy.files };
  return (
    <>
      <Tabs
        label={words.tabs.label}
        tabs={tabs.map((name) => ({
          href: hashOf('policies', [policy.version, ...(name === 'text' ? [] : [name])]),
          label: words.tabs[name],
          current: name === shown,
        }))}
      />
      {shown === 'text' && <Texts store={store} policy={policy} mayWrite={mayWrite} />}
      {shown === 'diff' && <PolicyDiff store={store} texts={texts} />}
      {shown === 'dry-run' && <PolicyDryRun store={store} texts={texts} />}
      {shown === 'rollout' && <Rollout store={store} version={policy.version} />}
    </>
  );
}

interface TextsProps {
  readonly store: Store;
  readonly policy: PolicyVersion;
  readonly mayWrite: boolean;
}

function Texts({ store, policy, mayWrite }: TextsProps) {
  const asking = useSignal(false);
  const { config, files, version } = policy;
  const begin = () => {
    store.editor.begin({ config, files }, version);
    location.hash = hashOf('policies', ['edit']);
  };
  return (
    <>
      <Listing name={words.config} text={config} />
      {Object.entries(files).map(([name, text]) => (
        <details key={name}>
          <summary>{name}</summary>
          <Listing name={name} text={text} />
        </details>
      ))}
      {mayWrite && (
        <button
          type="button"
          onClick={() => {
            if (store.editor.unsaved.value) asking.value = true;
            else begin();
          }}
        >
          {words.edit}
        </button>
      )}
      {asking.value && (
        <FormDialog
          title={words.replaceTitle}
          submit={words.replaceSubmit}
          danger
          work={async () => begin()}
          onDone={() => undefined}
          onClose={() => {
            asking.value = false;
          }}
        >
          <p>{words.replaceText}</p>
        </FormDialog>
      )}
    </>
  );
}
