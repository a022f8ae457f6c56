// SPDX-License-Identifier: Apache-2.0
// Tokens and cost of the last days: totals, pictures of the days with a table that says the same, the most used models and apps.

import type { UsageReport, UsageTotals } from '../../contract/local-history.ts';
import { ColumnChart } from '../charts/column-chart.tsx';
import { ShareBar } from '../charts/share-bar.tsx';
import type { Store } from '../model/store.ts';
import { beginsLate, isEmpty, peakOf, restOf, tokensOf, type UsageDay } from '../model/usage.ts';
import { Failed } from '../parts/failed.tsx';
import { Scroll } from '../parts/scroll.tsx';
import { useFollow } from '../parts/use-follow.ts';
import { useLoaded } from '../parts/use-loaded.ts';
import { useUi } from '../ui.ts';

/** Counting reads seven days of the log: not more often than this while calls come. Milliseconds. */
const AGAIN_AFTER = 5_000;

type Named = UsageReport['models'][number];

function Totals({ total }: { readonly total: UsageTotals }) {
  const { words, format } = useUi();
  const { usage } = words;
  const shown = [
    { name: usage.input, value: format.compact(total.input_tokens) },
    { name: usage.output, value: format.compact(total.output_tokens) },
    { name: usage.cost, value: total.cost_usd === 0 && total.unpriced > 0 ? usage.none : format.money(total.cost_usd) },
    { name: usage.calls, value: format.count(total.calls) },
    { name: usage.blocked, value: format.count(total.blocked) },
  ];
  return (
    <section aria-labelledby="total">
      <h2 id="total">{usage.total}</h2>
      <dl class="counters totals">
        {shown.map(({ name, value }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

interface ChartProps {
  readonly id: string;
  readonly title: string;
  readonly report: UsageReport;
  readonly of: (totals: UsageTotals) => number;
  readonly partsOf: (day: UsageDay) => readonly number[];
  readonly legend?: readonly string[];
  readonly write: (value: number) => string;
  /** Instead of a picture where there is nothing to see. */
  readonly none: string;
}

function DaysChart({ id, title, report, of, partsOf, legend = [], write, none }: ChartProps) {
  const { words, format } = useUi();
  const { days, total } = report;
  const peak = peakOf(days, of);
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {peak === undefined ? (
        <p class="quiet">{none}</p>
      ) : (
        <ColumnChart
          label={words.usage.chart(title, write(of(total)), write(of(peak)), format.day(peak.date))}
          legend={legend}
          columns={days.map((day) => ({
            name: format.weekday(day.date),
            label: of(day) === 0 ? words.usage.none : write(of(day)),
            parts: partsOf(day),
          }))}
        />
      )}
    </section>
  );
}

/** A cost that leaves out all calls is not known, rather than nothing. */
function Cost({ totals }: { readonly totals: UsageTotals }) {
  const { words, format } = useUi();
  return <>{totals.cost_usd === 0 && totals.unpriced > 0 ? words.usage.unknown : format.money(totals.cost_usd)}</>;
}

function Days({ days }: { readonly days: UsageReport['days'] }) {
  const { words, format } = useUi();
  const { usage } = words;
  return (
    <section aria-labelledby="days">
      <h2 id="days">{usage.days}</h2>
      <Scroll label={usage.days}>
        <table class="numbers">
          <thead>
            <tr>
              <th scope="col">{usage.day}</th>
              <th scope="col">{usage.calls}</th>
              <th scope="col">{usage.blocked}</th>
              <th scope="col">{usage.input}</th>
              <th scope="col">{usage.output}</th>
              <th scope="col">{usage.cost}</th>
            </tr>
          </thead>
          <tbody>
            {days.map((day, index) => (
              <tr key={day.date}>
                <th scope="row">
                  <time dateTime={day.date}>{format.day(day.date)}</time>
                  {index === days.length - 1 && <span class="quiet"> ({usage.today})</span>}
                </th>
                <td>{format.count(day.calls)}</td>
                <td>{format.count(day.blocked)}</td>
                <td>{format.count(day.input_tokens)}</td>
                <td>{format.count(day.output_tokens)}</td>
                <td>
                  <Cost totals={day} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

interface TopProps {
  readonly id: string;
  readonly title: string;
  readonly head: string;
  readonly rows: readonly Named[];
  readonly total: UsageTotals;
}

function Top({ id, title, head, rows, total }: TopProps) {
  const { words, format } = useUi();
  const { usage } = words;
  const rest = restOf(rows, total);
  const all = [...rows, ...(rest === undefined ? [] : [{ name: usage.rest, ...rest }])];
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <Scroll label={title}>
        <table class="numbers top">
          <thead>
            <tr>
              <th scope="col">{head}</th>
              <th scope="col">{usage.input}</th>
              <th scope="col">{usage.output}</th>
              <th scope="col">{usage.cost}</th>
              <th scope="col">{usage.calls}</th>
              <th scope="col">{usage.blocked}</th>
            </tr>
          </thead>
          <tbody>
            {all.map((row, index) => (
              // What is left over may be called as a model is.
              <tr key={index < rows.length ? `=${row.name}` : 'rest'}>
                <th scope="row">
                  {row.name === '' ? <span class="quiet">{usage.unknown}</span> : <bdi>{row.name}</bdi>}
                  <ShareBar share={tokensOf(row) / Math.max(tokensOf(total), 1)} />
                </th>
                <td>{format.count(row.input_tokens)}</td>
                <td>{format.count(row.output_tokens)}</td>
                <td>
                  <Cost totals={row} />
                </td>
                <td>{format.count(row.calls)}</td>
                <td>{format.count(row.blocked)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function Notes({ report }: { readonly report: UsageReport }) {
  const { words, format } = useUi();
  const { usage } = words;
  const { unpriced, uncounted } = report.total;
  const late = beginsLate(report);
  return (
    <section aria-labelledby="notes">
      <h2 id="notes">{usage.notes}</h2>
      <ul class="bullets">
        <li>{usage.estimate}</li>
        {unpriced > 0 && <li>{usage.unpriced(format.count(unpriced), unpriced)}</li>}
        {uncounted > 0 && <li>{usage.uncounted(format.count(uncounted), uncounted)}</li>}
        {late !== undefined && <li>{usage.since(format.date(late))}</li>}
      </ul>
    </section>
  );
}

function Report({ report }: { readonly report: UsageReport }) {
  const { words, format } = useUi();
  const { usage } = words;
  if (isEmpty(report))
    return (
      <div class="empty">
        <h2>{usage.empty}</h2>
        <p>{usage.emptyText}</p>
      </div>
    );
  return (
    <>
      <Totals total={report.total} />
      <div class="columns">
        <DaysChart
          id="tokens-per-day"
          title={usage.tokensPerDay}
          report={report}
          of={tokensOf}
          partsOf={({ input_tokens, output_tokens }) => [input_tokens, output_tokens]}
          legend={[usage.input, usage.output]}
          write={format.compact}
          none={usage.noTokens}
        />
        <DaysChart
          id="cost-per-day"
          title={usage.costPerDay}
          report={report}
          of={({ cost_usd }) => cost_usd}
          partsOf={({ cost_usd }) => [cost_usd]}
          write={format.money}
          none={usage.noCost}
        />
      </div>
      <Days days={report.days} />
      <Top id="models" title={usage.models} head={usage.model} rows={report.models} total={report.total} />
      <Top id="apps" title={usage.apps} head={usage.app} rows={report.apps} total={report.total} />
      <Notes report={report} />
    </>
  );
}

export function Usage({ store }: { readonly store: Store }) {
  const { words, format } = useUi();
  const { usage } = words;
  const { value: report, phase, reload } = useLoaded(store.link.value.kind, () => store.client.usage());
  // Grows with each row of the log.
  const log = store.state.value?.audit;
  useFollow(log && `${log.epoch} ${log.watermark}`, AGAIN_AFTER, () => void reload());
  const again = async (): Promise<void> => {
    const next = await reload();
    store.say(next === undefined ? usage.failed : usage.reloaded(format.time(next.at, Date.now())));
  };
  return (
    <>
      <div>
        <h1 tabIndex={-1}>{usage.title}</h1>
        <p class="lead quiet">{usage.intro}</p>
      </div>
      {report === undefined && phase === 'loading' && <p role="status">{usage.loading}</p>}
      {report === undefined && phase === 'failed' && <Failed text={usage.failed} again={usage.again} retry={again} />}
      {report !== undefined && (
        <>
          <div class="buttons">
            <button type="button" onClick={again}>
              {usage.reload}
            </button>
            <p class="quiet">
              {phase === 'failed'
                ? usage.stale(format.time(report.at, Date.now()))
                : usage.asOf(format.time(report.at, Date.now()))}
            </p>
          </div>
          <Report report={report} />
        </>
      )}
    </>
  );
}
