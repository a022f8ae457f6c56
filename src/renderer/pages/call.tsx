// SPDX-License-Identifier: Apache-2.0
// One call in full: the decision and who asked, each attempt, what came of it, its rows. No content: none is recorded.

import { type ComponentChildren, Fragment } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { CallAttempt, CallDetail } from '../../contract/local-history.ts';
import { codesOf, endOf, notesOf, tokensText } from '../model/call.ts';
import { hashOf } from '../model/route.ts';
import type { Store } from '../model/store.ts';
import { Decision } from '../parts/calls-table.tsx';
import { CodeWords } from '../parts/code-words.tsx';
import { Failed } from '../parts/failed.tsx';
import { Scroll } from '../parts/scroll.tsx';
import { Sentence } from '../parts/sentence.tsx';
import { StoredRows } from '../parts/stored-rows.tsx';
import { Text } from '../parts/text.tsx';
import { useFollow } from '../parts/use-follow.ts';
import { useLoaded } from '../parts/use-loaded.ts';
import { useUi } from '../ui.ts';

/** The end of a call and its last rows come at once; several attempts within it count as one change. Milliseconds. */
const AGAIN_AFTER = 500;
/** The same for a call that the state does not list any more: any row of the log may be its end. Milliseconds. */
const LOOK_AFTER = 5_000;

interface Fact {
  readonly name: string;
  /** Undefined: it is not known, and not said. */
  readonly value: ComponentChildren | undefined;
}

function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {facts
        .filter(({ value }) => value !== undefined)
        .map(({ name, value }) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
    </dl>
  );
}

function Why({ detail }: { readonly detail: CallDetail }) {
  const { call: texts, daemon } = useUi().words;
  const { call, decision } = detail;
  const { rule, policy, process, entrance, host, method, path, protocol, dialect, understood, stream } = decision;
  const language = [
    dialect === undefined ? undefined : <code key="dialect">{dialect}</code>,
    understood === undefined ? undefined : texts.understood[understood ? 'yes' : 'no'],
    stream === undefined
      ? undefined
      : (call.decision === 'blocked' ? texts.streamBlocked : texts.stream)[stream ? 'yes' : 'no'],
  ].filter((part) => part !== undefined);
  return (
    <section aria-labelledby="decision">
      <h2 id="decision">{texts.decision}</h2>
      <Facts
        facts={[
          { name: texts.reason, value: <Text>{daemon.reason(detail)}</Text> },
          { name: texts.rule, value: rule === undefined ? texts.ruleDefault : <code>{rule}</code> },
          { name: texts.policy, value: policy && <code>{policy}</code> },
          {
            name: texts.asked,
            value: (
              <>
                {process === undefined ? texts.askedUnknown : texts.process(process.name, String(process.pid))}
                {process?.exe !== undefined && (
                  <span class="under">
                    <code>{process.exe}</code>
                  </span>
                )}
              </>
            ),
          },
          { name: texts.entrance, value: entrance && texts.entrances[entrance] },
          {
            name: texts.address,
            value: host && (
              <code>
                {method} {host}
                {path}
              </code>
            ),
          },
          { name: texts.protocol, value: protocol },
          {
            name: texts.dialect,
            value:
              language.length === 0 ? undefined : language.flatMap((part, at) => (at === 0 ? [part] : [', ', part])),
          },
          {
            name: texts.ids,
            value: (
              <>
                <code>{call.id}</code> ({texts.request})
                {decision.id !== undefined && (
                  <>
                    , <code>{decision.id}</code> ({texts.decisionId})
                  </>
                )}
              </>
            ),
          },
        ]}
      />
    </section>
  );
}

function Attempt({ attempt }: { readonly attempt: CallAttempt }) {
  const { words, format } = useUi();
  const { activity, call: texts } = words;
  const { model, losses = [], first_content_ms, total_ms } = attempt;
  const codes = codesOf(attempt, words);
  return (
    <tr>
      <td class="number">{format.count(attempt.attempt)}</td>
      <th scope="row">
        <bdi>{attempt.provider}</bdi>
      </th>
      <td>{model === undefined ? activity.none : <bdi>{model}</bdi>}</td>
      <td>
        {endOf(attempt, words)}
        {codes.length > 0 && (
          <span class="under">
            <CodeWords>{codes.join(', ')}</CodeWords>
          </span>
        )}
        {notesOf(attempt, words).map((note) => (
          <span key={note} class="under">
            {note}
          </span>
        ))}
        {losses.length > 0 && (
          <span class="under">
            {texts.losses} <CodeWords>{losses.join(', ')}</CodeWords>
          </span>
        )}
      </td>
      <td class="number">{tokensText(attempt, activity, format)}</td>
      <td class="number">
        {total_ms === undefined ? activity.none : format.duration(total_ms)}
        {first_content_ms !== undefined && (
          <span class="under">{activity.firstShort(format.duration(first_content_ms))}</span>
        )}
      </td>
    </tr>
  );
}

function Attempts({ attempts }: { readonly attempts: CallDetail['attempts'] }) {
  const { call: texts } = useUi().words;
  const { columns } = texts;
  return (
    <section aria-labelledby="attempts">
      <h2 id="attempts">{texts.attempts}</h2>
      <p class="quiet">{attempts.length === 0 ? texts.attemptsNone : texts.attemptsText}</p>
      {attempts.length > 0 && (
        <Scroll label={texts.attemptsTable}>
          <table class="attempts">
            <caption class="hidden">{texts.attemptsTable}</caption>
            <thead>
              <tr>
                <th scope="col">{columns.attempt}</th>
                <th scope="col">{columns.provider}</th>
                <th scope="col">{columns.model}</th>
                <th scope="col">{columns.end}</th>
                <th scope="col">{columns.tokens}</th>
                <th scope="col">{columns.time}</th>
              </tr>
            </thead>
            <tbody>
              {attempts.map((attempt) => (
                <Attempt key={attempt.attempt} attempt={attempt} />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}

function End({ detail }: { readonly detail: CallDetail }) {
  const { words, format } = useUi();
  const { call: texts, activity } = words;
  const { call, attempts, fallback_from: first, cost_usd: cost } = detail;
  // An attempt that may be billed, and of which nobody has said how much.
  const isLeast = attempts.some(
    ({ possibly_billed, input_tokens: counted }) => possibly_billed === true && counted === undefined,
  );
  const { provider, total_ms, first_content_ms, input_tokens, output_tokens } = call;
  const count = (value: number | undefined) => (value === undefined ? activity.none : format.count(value));
  const hasTokens = input_tokens !== undefined || output_tokens !== undefined;
  const hasAnswered = call.result === 'complete' || call.result === 'broken';
  const answeredBy =
    provider !== undefined && first !== undefined && first !== provider ? (
      <Sentence of={texts.fallback} names={[provider, first]} />
    ) : (
      provider && <bdi>{provider}</bdi>
    );
  return (
    <section aria-labelledby="end">
      <h2 id="end">{texts.end}</h2>
      <Facts
        facts={[
          { name: texts.result, value: texts.results[call.result] },
          { name: texts.answeredBy, value: hasAnswered ? answeredBy : undefined },
          // Nobody answered: that another provider was asked is still to be said.
          {
            name: texts.askedLast,
            value: !hasAnswered && first !== undefined && provider ? <bdi>{provider}</bdi> : undefined,
          },
          { name: texts.sentModel, value: call.sent_model && <bdi>{call.sent_model}</bdi> },
          { name: texts.started, value: format.time(call.at, Date.now()) },
          {
            name: texts.duration,
            value:
              total_ms === undefined
                ? undefined
                : [
                    format.duration(total_ms),
                    ...(first_content_ms === undefined
                      ? []
                      : [activity.firstContent(format.duration(first_content_ms))]),
                  ].join(', '),
          },
          {
            name: texts.tokens,
            value: hasTokens ? (
              <>
                {texts.tokensText(count(input_tokens), count(output_tokens))}
                {call.tokens_estimated === true && <span class="under">{texts.tokensEstimated}</span>}
              </>
            ) : undefined,
          },
          {
            name: texts.cost,
            value:
              cost !== undefined
                ? (isLeast ? texts.costAtLeast : texts.costText)(format.money(cost))
                : hasTokens
                  ? texts.costUnknown
                  : undefined,
          },
        ]}
      />
    </section>
  );
}

function Found({ detail }: { readonly detail: CallDetail }) {
  const { words } = useUi();
  const { call: texts } = words;
  const { call, attempts, rows } = detail;
  return (
    <>
      <div class="call-head">
        <p>
          <Decision call={call} />
        </p>
        <p class="hero-text">
          <Sentence
            of={texts.summary[call.decision]}
            names={[call.app ?? texts.someApp, call.model ?? texts.someModel]}
          />
        </p>
      </div>
      <Why detail={detail} />
      <Attempts attempts={attempts} />
      <End detail={detail} />
      <section aria-labelledby="rows">
        <h2 id="rows">{texts.rows}</h2>
        <p class="quiet">{rows.length === 0 ? texts.rowsNone : texts.noContent}</p>
        <StoredRows rows={rows} />
      </section>
    </>
  );
}

export function Call({ store, id }: { readonly store: Store; readonly id: string }) {
  const { words } = useUi();
  const { call: texts } = words;
  const load = async () => ({ detail: await store.client.call(id) });
  const { value, phase, reload } = useLoaded(store.link.value.kind, load, id);
  const detail = value?.detail;
  // By either of its numbers it was asked for; the state lists it by the first.
  const listed = store.state.value?.activity.find((call) => call.id === (detail?.call.id ?? id));
  const log = store.state.value?.audit;
  const isLeft = listed === undefined && detail?.call.result === 'running';
  const unlisted = isLeft ? `${log?.epoch} ${log?.watermark}` : 'not listed';
  useFollow(
    listed === undefined ? unlisted : JSON.stringify(listed),
    isLeft ? LOOK_AFTER : AGAIN_AFTER,
    () => void reload(),
  );
  const before = useRef(detail?.call.result);
  const result = detail?.call.result;
  useEffect(() => {
    if (before.current === 'running' && result !== undefined && result !== 'running')
      store.say(texts.changed(texts.results[result]));
    before.current = result;
  }, [result]);
  return (
    <>
      <div class="call-title">
        <p>
          <a href={hashOf('activity')}>{texts.back}</a>
        </p>
        <h1 tabIndex={-1}>{value !== undefined && detail === undefined ? texts.missing : texts.title}</h1>
      </div>
      {value === undefined && phase === 'loading' && <p role="status">{texts.loading}</p>}
      {value === undefined && phase === 'failed' && (
        <Failed text={texts.failed} again={texts.again} retry={() => void reload()} />
      )}
      {value !== undefined && phase === 'failed' && <p role="status">{texts.stale}</p>}
      {value !== undefined && detail === undefined && (
        <div class="empty">
          <p>
            <Text>{texts.missingText(id)}</Text>
          </p>
          <button type="button" onClick={() => void reload()}>
            {texts.again}
          </button>
        </div>
      )}
      {detail !== undefined && <Found detail={detail} />}
    </>
  );
}
