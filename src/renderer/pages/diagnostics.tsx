// SPDX-License-Identifier: Apache-2.0
// Finds out what is wrong: the checks as they end, a bundle for support, versions. In the window it works with the daemon down.

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { CheckStatus, DoctorCheck } from '../../contract/local-api.ts';
import type { About } from '../../contract/tray.ts';
import { reportText } from '../model/report.ts';
import type { Store } from '../model/store.ts';
import { ActButton } from '../parts/act-button.tsx';
import { CopyCommand } from '../parts/copy.tsx';
import { StatusIcon } from '../parts/icons.tsx';
import { Text } from '../parts/text.tsx';
import { Versions } from '../parts/versions.tsx';
import { useUi } from '../ui.ts';

const SHAPE = { ok: 'ok', warn: 'attention', fail: 'blocked', unknown: 'waiting' } as const satisfies Record<
  CheckStatus,
  string
>;

function Check({ check }: { readonly check: DoctorCheck }) {
  const { diagnostics: words } = useUi().words;
  return (
    <li>
      <StatusIcon shape={SHAPE[check.status]} />
      <div>
        <strong>{check.name}</strong> <span class="quiet">{words.status[check.status]}</span>
        <p>
          <Text>{check.summary}</Text>
        </p>
        {check.fix !== undefined && (
          <p>
            <span class="quiet">{words.fix}</span>
            <Text>{check.fix}</Text>
          </p>
        )}
      </div>
    </li>
  );
}

/** One line on how far the run is. */
function Progress({ store }: { readonly store: Store }) {
  const { words, format } = useUi();
  const { diagnostics } = words;
  const { phase, checks, at } = store.checks.run.value;
  const fails = checks.filter(({ status }) => status === 'fail').length;
  switch (phase) {
    case 'running':
    case 'stopping':
      return <p class="quiet">{diagnostics.running(checks.length)}</p>;
    case 'stopped':
      return <p class="quiet">{diagnostics.stopped(checks.length)}</p>;
    case 'failed':
      return (
        <p>
          <Text>{diagnostics.failed}</Text>
        </p>
      );
    case 'done':
      return (
        <p>
          {diagnostics.done(fails)}{' '}
          {at !== undefined && <span class="quiet">{diagnostics.at(format.time(at, Date.now()))}</span>}
        </p>
      );
    default:
      return null;
  }
}

function Checks({ store }: { readonly store: Store }) {
  const ui = useUi();
  const { diagnostics: words } = ui.words;
  const { phase, checks } = store.checks.run.value;
  const runs = phase === 'running' || phase === 'stopping';
  const copy = (): Promise<string> => {
    const versions = store.state.value?.version;
    return store.client.copy(reportText(checks, versions, words)).then(
      () => words.copied,
      () => words.notCopied,
    );
  };
  return (
    <section aria-labelledby="checks">
      <h2 id="checks">{words.checks}</h2>
      <p class="quiet">
        <Text>{words.checksText}</Text>
      </p>
      <div class="buttons">
        <button
          type="button"
          class="primary"
          aria-disabled={phase === 'stopping'}
          onClick={() => (runs ? store.checks.stop() : void store.checks.start())}
        >
          {phase === 'stopping' ? words.stopping : runs ? words.stop : checks.length === 0 ? words.run : words.again}
        </button>
        {!runs && checks.length > 0 && <ActButton store={store} label={words.copyReport} act={copy} />}
      </div>
      <Progress store={store} />
      {checks.length > 0 && (
        <ul class="checks" aria-label={words.list}>
          {checks.map((check) => (
            <Check key={check.name} check={check} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Bundle({ store, command }: { readonly store: Store; readonly command: boolean }) {
  const { diagnostics: words } = useUi().words;
  const save = async (): Promise<string> => {
    const saved = await store.client
      .save('support-bundle')
      .catch((error: unknown) => ({ kind: 'failed', reason: String(error) }) as const);
    if (saved.kind === 'saved') return words.saved(saved.path);
    return saved.kind === 'cancelled' ? words.cancelled : words.notSaved(saved.reason);
  };
  return (
    <section aria-labelledby="bundle">
      <h2 id="bundle">{words.bundle}</h2>
      <p class="quiet">{words.bundleText}</p>
      <div class="card columns">
        <div>
          <h3>{words.bundleHas}</h3>
          <ul class="bullets">
            {words.bundleIn.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        </div>
        <div>
          <h3>{words.bundleHasNot}</h3>
          <ul class="bullets">
            {words.bundleOut.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        </div>
      </div>
      {command ? (
        <CopyCommand store={store} command={words.bundleCommand} />
      ) : (
        <ActButton store={store} label={words.save} busy={words.saving} act={save} />
      )}
    </section>
  );
}

export function Diagnostics({ store }: { readonly store: Store }) {
  const { diagnostics: words } = useUi().words;
  const about = useSignal<About | undefined>(undefined);
  useEffect(() => {
    store.client.about().then(
      (answer) => {
        about.value = answer;
      },
      () => undefined,
    );
  }, [store]);
  const link = store.link.value;
  // A browser has nobody to ask but the daemon; the window asks the command beside it.
  const isCutOff = !store.client.actions.includes('start') && link.kind !== 'live' && link.kind !== 'connecting';
  return (
    <>
      <div>
        <h1 tabIndex={-1}>{words.title}</h1>
        <p class="lead quiet">{words.intro}</p>
      </div>
      {isCutOff ? (
        <section aria-labelledby="checks">
          <h2 id="checks">{words.checks}</h2>
          <p>{words.browserDown}</p>
          <CopyCommand store={store} command={words.checksCommand} />
        </section>
      ) : (
        <Checks store={store} />
      )}
      <Bundle store={store} command={isCutOff} />
      <Versions store={store} about={about.value} />
    </>
  );
}
