// SPDX-License-Identifier: Apache-2.0
// Says that the daemon is gone, the session over or the page old, and what to do. The announcement for screen readers is elsewhere.

import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { assertNever } from '../../contract/assert-never.ts';
import type { HostState, Link } from '../../contract/tray.ts';
import { hashOf } from '../model/route.ts';
import type { Store } from '../model/store.ts';
import { useUi } from '../ui.ts';
import { StartButton } from './start.tsx';
import { Text } from './text.tsx';
import { useKeptFocus } from './use-kept-focus.ts';

interface NoticeProps {
  readonly weight: 'high' | 'medium' | 'low';
  readonly title: string;
  readonly text: string;
  readonly children?: ComponentChildren;
}

function Notice({ weight, title, text, children }: NoticeProps) {
  return (
    <section class={`notice notice-${weight}`} aria-labelledby="link-title">
      <h2 id="link-title" tabIndex={-1}>
        {title}
      </h2>
      <p>
        <Text>{text}</Text>
      </p>
      {children !== undefined && <div class="buttons">{children}</div>}
    </section>
  );
}

/** In the tray's window: what is being done about it. */
function HostNotice({ store, host }: { readonly store: Store; readonly host: HostState }) {
  const { words, format } = useUi();
  const { link } = words.frame;
  const more = [
    ...(host.reason === undefined ? [] : [link.reason(host.reason)]),
    ...(store.state.value === undefined ? [] : [link.stale]),
  ];
  const whole = (text: string): string => [text, ...more].join(' ');
  const next = host.next_try === undefined ? undefined : format.time(host.next_try, Date.now());
  const checks = (
    <a class="button" href={hashOf('diagnostics')} onClick={() => void store.checks.start()}>
      {link.diagnostics}
    </a>
  );
  switch (host.phase) {
    case 'looking':
    case 'starting':
      return <Notice weight="low" title={link.startingTitle} text={whole(link.startingText)} />;
    case 'waiting':
      return (
        <Notice weight="medium" title={link.waitingTitle} text={whole(link.waitingText(next))}>
          <StartButton store={store} label={link.startNow} />
          {checks}
        </Notice>
      );
    case 'down':
      return (
        <Notice weight="high" title={link.downTitle} text={whole(link.downText)}>
          <StartButton store={store} label={link.start} />
          {checks}
        </Notice>
      );
    case 'gave-up':
      return (
        <Notice weight="high" title={link.gaveUpTitle} text={whole(link.gaveUpText)}>
          <StartButton store={store} label={link.start} />
          {checks}
        </Notice>
      );
    case 'incompatible':
      return (
        <Notice weight="medium" title={link.incompatibleTitle} text={whole(link.incompatibleText)}>
          {checks}
        </Notice>
      );
    default:
      return assertNever(host.phase);
  }
}

function NoticeOf({ store, now }: { readonly store: Store; readonly now: Link }) {
  const { words, format } = useUi();
  const { link } = words.frame;
  // The tray's window may not be loaded again by its page.
  const isWindow = store.client.actions.includes('start');
  switch (now.kind) {
    case 'connecting':
    case 'live':
      return null;
    case 'lost':
      if (now.host !== undefined) return <HostNotice store={store} host={now.host} />;
      return (
        <Notice
          weight="high"
          title={link.lostTitle}
          text={`${link.lostText(format.time(now.since, Date.now()))}${store.state.value === undefined ? '' : ` ${link.stale}`}`}
        >
          <button type="button" onClick={() => store.client.retry()}>
            {link.retry}
          </button>
        </Notice>
      );
    case 'signed-out':
      return (
        <Notice
          weight="medium"
          title={link.signedOutTitle}
          text={`${link.signedOutText}${store.state.value === undefined ? '' : ` ${link.stale}`}`}
        />
      );
    case 'outdated':
      return (
        <Notice weight="medium" title={link.outdatedTitle} text={isWindow ? link.outdatedWindow : link.outdatedText}>
          {!isWindow && (
            <button type="button" onClick={() => location.reload()}>
              {link.reload}
            </button>
          )}
        </Notice>
      );
    default:
      return assertNever(now);
  }
}

export function LinkNotice({ store }: { readonly store: Store }) {
  const box = useRef<HTMLDivElement>(null);
  useKeptFocus(box);
  return (
    <div class="slot" ref={box}>
      <NoticeOf store={store} now={store.link.value} />
    </div>
  );
}
