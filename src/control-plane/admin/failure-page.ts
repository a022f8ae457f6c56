// SPDX-License-Identifier: Apache-2.0
// What a person sees whose sign-in with the identity provider came to nothing: a page without script, style, or a word that came with the
// request.

import type { FastifyReply } from 'fastify';
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
    .send(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} - Outpost</title>
</head>
<body>
<main>
<h1>${title}</h1>
<p>${text}</p>
<p><a href="/admin/">Sign in</a></p>
</main>
</body>
</html>
`);
}
