// SPDX-License-Identifier: Apache-2.0
// Rows as events of OCSF 1.8.0: calls through the gateway are API Activity (6003, with the profile ai_operation), intercepted ones HTTP
// Activity (4002, which has that profile from the next version on; until then its facts are under `unmapped`), all else Base Event (0).
// Pure. Source: ocsf-schema 1.8.0.

import { given as compact } from '../admin/given.ts';
import type { CallFacts, DeviceFacts, EndFacts, Facts } from './facts.ts';
import { sentenceOf } from './sentence.ts';

const VERSION = '1.8.0';

const CLASSES = {
  api: { class_uid: 6003, class_name: 'API Activity', category_uid: 6, category_name: 'Application Activity' },
  http: { class_uid: 4002, class_name: 'HTTP Activity', category_uid: 4, category_name: 'Network Activity' },
  base: { class_uid: 0, class_name: 'Base Event', category_uid: 0, category_name: 'Uncategorized' },
} as const;

const SEVERITY = ['Unknown', 'Informational', 'Low', 'Medium', 'High'] as const;
const [INFORMATIONAL, LOW, MEDIUM, HIGH] = [1, 2, 3, 4] as const;

interface Activity {
  readonly activity_id: number;
  readonly activity_name: string;
}

/** Of HTTP Activity, by method. */
const METHODS: ReadonlyMap<string, Activity> = new Map(
  ['Connect', 'Delete', 'Get', 'Head', 'Options', 'Post', 'Put', 'Trace', 'Patch'].map((name, index) => [
    name.toUpperCase(),
    { activity_id: index + 1, activity_name: name },
  ]),
);

export function ocsfEvent(facts: Facts): object {
  const { call, end, at, kind } = facts;
  if (call === undefined || kind === 'orphan') return baseEvent(facts);
  const http = httpOf(call, end);
  const shared = {
    time: at,
    ...severityOf(facts),
    message: sentenceOf(facts),
    ...statusOf(facts),
    ...controlOf(facts, call),
    actor: actorOf(facts, call),
    device: deviceOf(facts.device),
    src_endpoint: sourceOf(facts.device),
    ...compact({ dst_endpoint: destinationOf(call) }),
    ...http,
  };
  if (call.entrance === 'gateway') {
    const activity =
      call.operation === undefined
        ? { activity_id: 0, activity_name: 'Unknown' }
        : { activity_id: 1, activity_name: 'Create' };
    return {
      ...classOf('api', activity),
      metadata: metadataOf(facts, ['ai_operation', 'security_control', 'host']),
      ...shared,
      api: apiOf(facts, call),
      ...aiOf(facts, call),
      unmapped: unmappedOf(facts, call),
    };
  }
  const activity = METHODS.get(call.method ?? '') ?? { activity_id: 0, activity_name: 'Unknown' };
  return {
    ...classOf('http', activity),
    metadata: metadataOf(facts, ['security_control', 'host']),
    ...shared,
    // The class asks for one of request and response.
    ...(http.http_request === undefined && http.http_response === undefined ? { http_request: { uid: facts.id } } : {}),
    ...compact({ traffic: trafficOf(end), http_status: end?.status }),
    unmapped: { ...unmappedOf(facts, call), ...aiOf(facts, call) },
  };
}

function baseEvent(facts: Facts): object {
  const { event, call, at } = facts;
  return {
    ...classOf('base', { activity_id: 99, activity_name: event?.name ?? facts.kind }),
    metadata: metadataOf(facts, ['host']),
    time: at,
    ...severityOf(facts),
    message: sentenceOf(facts),
    device: deviceOf(facts.device),
    unmapped: { ...unmappedOf(facts, call), detail: event?.detail ?? {} },
  };
}

function classOf(name: keyof typeof CLASSES, { activity_id, activity_name }: Activity): object {
  const one = CLASSES[name];
  return {
    ...one,
    activity_id,
    activity_name,
    type_uid: one.class_uid * 100 + activity_id,
    type_name: `${one.class_name}: ${activity_id === 99 ? 'Other' : activity_name}`,
  };
}

function metadataOf({ id, org, kind, received, at, seq, device, call }: Facts, profiles: readonly string[]): object {
  return {
    version: VERSION,
    product: { name: 'Outpost', vendor_name: 'Outpost', version: device.agent },
    profiles,
    // The same however often the row is sent: whoever has it already may drop it.
    uid: id,
    tenant_uid: org,
    sequence: seq,
    log_name: 'audit',
    event_code: kind,
    original_time: String(at),
    logged_time: received,
    ...compact({ correlation_uid: call?.request }),
  };
}

function severityOf({ kind, end }: Facts): object {
  const failed = kind === 'orphan' || end?.result === 'failed' || end?.result === 'broken';
  const severity_id =
    kind === 'gap' || kind === 'quarantined' ? HIGH : kind === 'refusal' ? MEDIUM : failed ? LOW : INFORMATIONAL;
  return { severity_id, severity: SEVERITY[severity_id] };
}

/** Of an intent nothing is known yet. */
function statusOf({ kind, end }: Facts): object {
  if (kind === 'intent' || end === undefined) return { status_id: 0, status: 'Unknown' };
  const well = kind !== 'refusal' && end.result === 'complete';
  const why = end.failure ?? end.error ?? end.result;
  return {
    ...(well ? { status_id: 1, status: 'Success' } : { status_id: 2, status: 'Failure' }),
    ...compact({ status_code: end.status?.toString(), status_detail: well ? undefined : why }),
  };
}

/** Profile security_control: what was decided, and by which rule of which policy. */
function controlOf({ action }: Facts, call: CallFacts): object {
  const decided =
    action === 'block'
      ? { action_id: 2, action: 'Denied', disposition_id: 2, disposition: 'Blocked', is_alert: true }
      : action === 'allow'
        ? { action_id: 1, action: 'Allowed', disposition_id: 1, disposition: 'Allowed', is_alert: false }
        : { action_id: 3, action: 'Observed', disposition_id: 17, disposition: 'Logged', is_alert: false };
  return {
    ...decided,
    ...compact({
      policy: call.policy === undefined ? undefined : { uid: call.policy, is_applied: true },
      firewall_rule: call.rule === undefined ? undefined : { name: call.rule },
    }),
  };
}

/** The class asks for one of them. */
function actorOf({ device }: Facts, { app, process }: CallFacts): object {
  const user = device.user_name === null ? undefined : { name: device.user_name, type_id: 1, type: 'User' };
  const running =
    process?.pid === undefined
      ? undefined
      : {
          pid: process.pid,
          name: process.name,
          ...compact({ file: process.exe === undefined ? undefined : fileOf(process.name, process.exe) }),
        };
  const members = compact({ user, process: running, app_name: app ?? process?.name });
  return Object.keys(members).length === 0 ? { app_name: 'unknown' } : members;
}

function fileOf(name: string, path: string): object {
  return { name, path, type_id: 8, type: 'Executable File' };
}

const SYSTEMS: ReadonlyMap<string, readonly [id: number, name: string]> = new Map([
  ['win32', [100, 'Windows']],
  ['linux', [200, 'Linux']],
  ['darwin', [300, 'macOS']],
]);

function osOf({ platform, os_version }: DeviceFacts): object {
  const [type_id, name] = SYSTEMS.get(platform) ?? [99, platform];
  return { name, type_id, version: os_version };
}

function deviceOf(device: DeviceFacts): object {
  const { id, name, serial } = device;
  return {
    uid: id,
    name,
    hostname: name,
    // A laptop or not, the agent cannot tell.
    type_id: 0,
    type: 'Unknown',
    os: osOf(device),
    is_managed: true,
    ...compact({ hw_info: serial === null ? undefined : { serial_number: serial } }),
  };
}

function sourceOf(device: DeviceFacts): object {
  return { uid: device.id, name: device.name, hostname: device.name, os: osOf(device) };
}

function destinationOf({ host, provider }: CallFacts): object | undefined {
  const members = compact({ hostname: host, svc_name: provider });
  return Object.keys(members).length === 0 ? undefined : members;
}

function httpOf(
  call: CallFacts,
  end: EndFacts | undefined,
): { readonly http_request?: object; readonly http_response?: object } {
  const { host, path, method, request } = call;
  const url =
    host === undefined
      ? undefined
      : { hostname: host, scheme: 'https', ...compact({ path }), url_string: `https://${host}${path ?? ''}` };
  const asked = compact({
    http_method: METHODS.has(method ?? '') ? method : undefined,
    url,
    uid: request,
    length: end?.requestBytes,
  });
  const answered =
    end?.status === undefined
      ? undefined
      : { code: end.status, ...compact({ length: end.responseBytes, latency: rounded(end.totalMs) }) };
  return compact({ http_request: Object.keys(asked).length === 0 ? undefined : asked, http_response: answered });
}

function trafficOf(end: EndFacts | undefined): object | undefined {
  const members = compact({ bytes_out: end?.requestBytes, bytes_in: end?.responseBytes });
  return Object.keys(members).length === 0 ? undefined : members;
}

function apiOf({ id, end }: Facts, call: CallFacts): object {
  return {
    operation: call.operation ?? call.method ?? 'unknown',
    request: { uid: call.request ?? id },
    ...compact({
      service: call.provider === undefined ? undefined : { name: call.provider },
      response: end === undefined ? undefined : compact({ code: end.status, error: end.error, message: end.result }),
    }),
  };
}

/** Profile ai_operation. */
function aiOf({ id, end }: Facts, { provider, model, app, request }: CallFacts): object {
  const name = end?.answerModel ?? model;
  const { inputTokens, outputTokens } = end ?? {};
  const total = inputTokens === undefined || outputTokens === undefined ? undefined : inputTokens + outputTokens;
  const parties = compact({
    application: app === undefined ? undefined : { name: app },
    service: provider === undefined ? undefined : { name: provider },
  });
  return compact({
    ai_model: provider === undefined || name === undefined ? undefined : { ai_provider: provider, name },
    message_context:
      Object.keys(parties).length === 0
        ? undefined
        : {
            uid: request ?? id,
            ...parties,
            ai_role_id: 1,
            ai_role: 'User',
            ...compact({ prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: total }),
          },
  });
}

/** What the schema has no place for. */
function unmappedOf({ epoch, hash, prev, end }: Facts, call: CallFacts | undefined): object {
  return compact({
    epoch,
    hash,
    prev,
    decision: call?.decision,
    dialect: call?.dialect,
    stream: call?.stream,
    messages: call?.messages,
    tools: call === undefined || call.tools.length === 0 ? undefined : call.tools,
    attempt: end?.attempt,
    attempts: end?.attempts,
    key: end?.key,
    fallback_from: end?.fallbackFrom,
    stop: end?.stop,
    response_id: end?.responseId,
    upstream_request_id: end?.upstreamRequest,
    cache_read_tokens: end?.cacheReadTokens,
    cache_write_tokens: end?.cacheWriteTokens,
    reasoning_tokens: end?.reasoningTokens,
    tokens_estimated: end?.tokensEstimated,
    first_content_ms: end?.firstContentMs,
  });
}

const rounded = (value: number | undefined): number | undefined =>
  value === undefined ? undefined : Math.round(value);
