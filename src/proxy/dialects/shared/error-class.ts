// SPDX-License-Identifier: Apache-2.0
// Whose fault an error is: the providers' error bodies (and in-band error events), all vendors' shapes, to one class. Codes decide
// before messages, messages before the status. Messages are looked at and never kept.

import type { ErrorClass } from '../dialect.ts';
import { asObject, asString, asWord, type Values } from '../json/values.ts';
import type { ReportedError } from './answer-state.ts';

/** Codes, types, statuses and exception names, lower case without punctuation. Sources: the vendors' API references. */
const CLASS_BY_WORD: ReadonlyMap<string, ErrorClass> = new Map<string, ErrorClass>([
  ...words('model-not-found', 'modelnotfound deploymentnotfound invalidmodel modelnotfounderror unknownmodel'),
  ...words('context-length', 'contextlengthexceeded modelcontextwindowexceeded contextwindowexceeded'),
  ...words(
    'content-policy',
    'contentfilter contentpolicyviolation responsibleaipolicyviolation moderationblocked invalidprompt safety prohibitedcontent',
  ),
  ...words(
    'quota',
    'insufficientquota billinghardlimitreached billingnotactive billingerror quotaexceeded servicequotaexceededexception usagelimitreached creditbalanceexhausted insufficientbalance accessterminated',
  ),
  ...words(
    'authentication',
    'invalidapikey apikeyinvalid authenticationerror invalidauthentication unauthenticated unrecognizedclientexception expiredtokenexception invalidsignatureexception incompletesignature missingauthenticationtokenexception unauthorized tokenexpired',
  ),
  ...words(
    'permission',
    'permissionerror permissiondenied accessdeniedexception insufficientpermissions unsupportedcountryregionterritory',
  ),
  ...words(
    'rate-limit',
    'ratelimitexceeded ratelimiterror ratelimit throttlingexception throttling toomanyrequestsexception toomanyrequests resourceexhausted',
  ),
  ...words(
    'overloaded',
    'overloadederror overloaded serviceunavailableexception serviceunavailable unavailable modelnotreadyexception serveroverloaded slowdown engineoverloaded enginenotready',
  ),
  ...words(
    'server',
    'servererror apierror internal internalerror internalservererror internalserverexception internalfailure timeouterror deadlineexceeded modeltimeoutexception modelerrorexception modelstreamerrorexception badgateway',
  ),
  ...words('not-found', 'notfounderror notfound resourcenotfoundexception'),
  ...words(
    'invalid-request',
    'invalidrequesterror invalidrequest validationexception validationerror invalidargument failedprecondition requesttoolarge outofrange',
  ),
]);

function words(cls: ErrorClass, list: string): [string, ErrorClass][] {
  return list.split(' ').map((word) => [word, cls]);
}

const MODEL_MESSAGE =
  /\bmodels?\b.{0,200}\b(?:not found|does not exist|not exist|is not supported for|no such)|not a valid model|model identifier is invalid|invalid model\b|^model: |no such model|unknown model|deployment.{0,80}does not exist/i;
const CONTEXT_MESSAGE =
  /context (?:length|window|limit)|prompt is too long|input is too long|too many (?:input )?tokens|token count.{0,40}exceeds|exceeds? (?:the )?maximum (?:number of )?(?:input )?tokens|reduce the length of|too large for model with/i;
const QUOTA_MESSAGE =
  /credit balance|exceeded your current quota, please check your plan and billing|insufficient (?:credits|balance)|payment required|billing/i;
const POLICY_MESSAGE =
  /content management policy|content filter|flagged (?:by|for)|moderation|usage polic|safety system/i;
/** Google answers 400 INVALID_ARGUMENT to a bad key. */
const KEY_MESSAGE = /api[ _-]?key not valid|invalid api[ _-]?key|incorrect api key/i;

/** Classes that only say "something is wrong": the message may know better. */
const VAGUE: ReadonlySet<ErrorClass> = new Set(['invalid-request', 'not-found', 'permission', 'rate-limit', 'server']);

/** `status`: of the answer's head; undefined for an in-band event. `type`: an exception name from a header, where there is one. */
export function classifyError(value: unknown, status: number | undefined, type?: string): ReportedError {
  const parts = errorParts(value);
  const word = exceptionName(type);
  const code = parts.code ?? word ?? parts.type;
  const effective = status ?? statusIn(parts.code);
  const named =
    classOf(parts.inner) ?? classOf(parts.code) ?? classOf(word) ?? classOf(parts.type) ?? classOf(parts.status);
  const wait = parts.retryAfterMs === undefined ? {} : { retryAfterMs: parts.retryAfterMs };
  if (named !== undefined && !VAGUE.has(named)) return { class: named, code, ...wait };
  const judged = fromMessage(parts.message, effective) ?? parts.detail ?? named ?? fromStatus(effective);
  return { class: judged, code, ...wait };
}

/** The sentence of an error body, for the caller whose request it is about; '' if there is none. At most 1,000 characters. */
export function errorMessage(value: unknown): string {
  return errorParts(value).message.slice(0, 1_000);
}

function fromMessage(message: string, status: number | undefined): ErrorClass | undefined {
  if (message === '' || (status !== undefined && status >= 500)) return undefined;
  const text = message.slice(0, 2048);
  if (KEY_MESSAGE.test(text)) return 'authentication';
  if (status === 429)
    return /please check your plan and billing/i.test(text) && !/google/i.test(text) ? 'quota' : undefined;
  if (CONTEXT_MESSAGE.test(text)) return 'context-length';
  if (MODEL_MESSAGE.test(text)) return 'model-not-found';
  if (QUOTA_MESSAGE.test(text)) return 'quota';
  if (POLICY_MESSAGE.test(text)) return 'content-policy';
  return undefined;
}

function fromStatus(status: number | undefined): ErrorClass {
  switch (status) {
    case undefined:
      return 'unknown';
    case 401:
    case 407:
      return 'authentication';
    case 402:
      return 'quota';
    case 403:
      return 'permission';
    case 404:
      return 'not-found';
    case 408:
      return 'server';
    case 424:
      return 'server';
    case 425:
    case 503:
    case 529:
      return 'overloaded';
    case 429:
      return 'rate-limit';
  }
  if (status >= 500 && status < 600) return 'server';
  return status >= 400 && status < 500 ? 'invalid-request' : 'unknown';
}

interface ErrorParts {
  readonly code: string | undefined;
  readonly type: string | undefined;
  /** Google's status word. */
  readonly status: string | undefined;
  /** Azure's inner code. */
  readonly inner: string | undefined;
  /** What Google's details say. */
  readonly detail: ErrorClass | undefined;
  readonly retryAfterMs: number | undefined;
  readonly message: string;
}

function errorParts(value: unknown): ErrorParts {
  // Google answers a streamed call without `alt=sse` with an array of one error.
  const body = asObject(Array.isArray(value) ? value[0] : value);
  const error = asObject(body?.['error']);
  const source: Values = error ?? body ?? {};
  const inner = asObject(source['innererror']) ?? asObject(source['inner_error']);
  const message = source['message'] ?? source['Message'] ?? body?.['error'] ?? body?.['message'] ?? body?.['detail'];
  return {
    code: asWord(source['code'], 64),
    type: asWord(source['type'], 64) ?? exceptionName(asString(source['__type'])),
    status: asWord(source['status'], 64),
    inner: asWord(inner?.['code'], 64),
    detail: fromGoogleDetails(source['details']),
    retryAfterMs: retryDelayOf(source['details']),
    message: asString(message) ?? '',
  };
}

function fromGoogleDetails(details: unknown): ErrorClass | undefined {
  if (!Array.isArray(details)) return undefined;
  for (const detail of details.slice(0, 16)) {
    const reason = classOf(asWord(asObject(detail)?.['reason'], 64));
    if (reason !== undefined) return reason;
    const violations = asObject(detail)?.['violations'];
    if (!Array.isArray(violations)) continue;
    // A quota per day is not over in a minute: that is money or patience, not pace.
    if (violations.slice(0, 16).some((violation) => /PerDay/.test(asString(asObject(violation)?.['quotaId']) ?? '')))
      return 'quota';
  }
  return undefined;
}

/** Google's RetryInfo: `"retryDelay": "34.07s"`. */
function retryDelayOf(details: unknown): number | undefined {
  if (!Array.isArray(details)) return undefined;
  for (const detail of details.slice(0, 16)) {
    const seconds = /^(\d{1,6}(?:\.\d{1,9})?)s$/.exec(asString(asObject(detail)?.['retryDelay']) ?? '')?.[1];
    if (seconds !== undefined) return Math.ceil(Number(seconds) * 1_000);
  }
  return undefined;
}

function statusIn(code: string | undefined): number | undefined {
  return code !== undefined && /^[45]\d\d$/.test(code) ? Number(code) : undefined;
}

/** `ValidationException:http://internal…` and `com.amazon#ValidationException` both mean the bare name. */
function exceptionName(type: string | undefined): string | undefined {
  return asWord(type?.split(':', 1)[0]?.split('#').at(-1), 64);
}

function classOf(word: string | undefined): ErrorClass | undefined {
  return word === undefined ? undefined : CLASS_BY_WORD.get(word.toLowerCase().replace(/[^a-z]/g, ''));
}
