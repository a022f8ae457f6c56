// SPDX-License-Identifier: Apache-2.0
// What a person sees whose sign-in with the identity provider came to nothing: a page without script, style, or a word that came with the
// request.

import type { FastifyReply } from 'fastify';
import { plainPage } from '../../contract/plain-page.ts';
import type { OidcFailure } from './auth/oidc-sign-in.ts';

const PAGES: Readonly<Record<OidcFailure, readonly [status: number, title: string, text: string]>> = {
  'not-offered': [404, 'Not offered', 'This organisation does not sign in through an identity provider.'],
  stale: [400, 'Too late', 'This sign-in was begun in another browser, took too long, or was used already.'],
  refused: [403, 'Not signed in', 'Your identity provider did not sign you in, or its answer does not hold.'],
  unavailable: [502, 'Try again later', 'Your identity provider cannot be reached just now.'],
  'no-roles': [403, 'No access', 'You are signed in, but none of your groups has a role here. Ask an administrator.'],
  disabled: [403, 'No access', 'An administrator has shut you out.'],
};

export function sendFailurePage(reply: FastifyReply, why: OidcFailure): FastifyReply {
  const [status, title, text] = PAGES[why];
  return reply
    .code(status)
    .type('text/html; charset=utf-8')
    .send(plainPage(title, [text, '<a href="/admin/">Sign in</a>']));
}
