// SPDX-License-Identifier: Apache-2.0
// The filter of a list. What is applied is in the page's address: it can be sent to somebody, and the browser goes back to it.

import { useSignal } from '@preact/signals';
import { useEffect, useId } from 'preact/hooks';
import { fromLocalField, toLocalField } from '../model/format.ts';
import { hashOf, type Query, type View } from '../model/route.ts';
import { STRINGS } from '../strings.ts';
import type { Choice } from './fields.tsx';

export type FilterField =
  | { readonly name: string; readonly label: string; readonly kind: 'search' | 'text' | 'time'; readonly hint?: string }
  | { readonly name: string; readonly label: string; readonly kind: 'choice'; readonly choices: readonly Choice[] };

interface FilterProps {
  readonly view: View;
  readonly query: Query;
  readonly fields: readonly FilterField[];
  /** Seldom needed: folded away unless one is in use. */
  readonly more?: readonly FilterField[];
  readonly moreLabel?: string;
}

/** What the fields hold, as the address would say it. */
function applied(fields: readonly FilterField[], values: Query): Query {
  return Object.fromEntries(
    fields.flatMap(({ name, kind }) => {
      const text = (values[name] ?? '').trim();
      if (kind !== 'time') return [[name, text]];
      const at = fromLocalField(text);
      return at === undefined ? [] : [[name, String(at)]];
    }),
  );
}

function shown(fields: readonly FilterField[], query: Query): Query {
  return Object.fromEntries(
    fields.map(({ name, kind }) => {
      const text = query[name] ?? '';
      return [name, kind === 'time' && /^\d{1,15}$/.test(text) ? toLocalField(Number(text)) : text];
    }),
  );
}

export function Filter({ view, query, fields, more = [], moreLabel }: FilterProps) {
  const id = useId();
  const all = [...fields, ...more];
  const values = useSignal(shown(all, query));
  const asked = JSON.stringify(query);
  // The address says what is applied, whoever changed it.
  useEffect(() => {
    values.value = shown(all, query);
  }, [asked]);
  const set = (name: string, text: string): void => {
    values.value = { ...values.value, [name]: text };
  };
  const input = (field: FilterField) => {
    const { name } = field;
    const common = { id: `${id}-${name}`, value: values.value[name] ?? '' };
    if (field.kind === 'choice') {
      return (
        <select {...common} onChange={(event) => set(name, event.currentTarget.value)}>
          {field.choices.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      );
    }
    const type = field.kind === 'time' ? 'datetime-local' : field.kind;
    return (
      <input
        {...common}
        // The types of JSX want to know which one.
        type={type as 'text'}
        placeholder={field.hint}
        spellcheck={false}
        onInput={(event) => set(name, event.currentTarget.value)}
      />
    );
  };
  const labelled = (field: FilterField) => (
    <div class="field" key={field.name}>
      <label for={`${id}-${field.name}`}>{field.label}</label>
      {input(field)}
    </div>
  );
  return (
    <search aria-label={STRINGS.filter.label}>
      <form
        class={all.length === 1 ? 'filter short' : 'filter'}
        onSubmit={(event) => {
          event.preventDefault();
          location.hash = hashOf(view, [], applied(all, values.value));
        }}
      >
        <div class="filter-fields">{fields.map(labelled)}</div>
        {more.length > 0 && (
          <details open={more.some(({ name }) => (query[name] ?? '') !== '')}>
            <summary>{moreLabel}</summary>
            <div class="filter-fields">{more.map(labelled)}</div>
          </details>
        )}
        <div class="buttons">
          <button type="submit">{STRINGS.filter.apply}</button>
          {Object.values(query).some((text) => text !== '') && <a href={hashOf(view)}>{STRINGS.filter.clear}</a>}
        </div>
      </form>
    </search>
  );
}
