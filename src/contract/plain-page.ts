// SPDX-License-Identifier: Apache-2.0
// A small HTML page without script or style, for what must work before anybody has signed in. Pure.

/** @param lines paragraphs. Texts must be ours: nothing is escaped. */
export function plainPage(title: string, lines: readonly string[]): string {
  return `<!doctype html>
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
${lines.map((line) => `<p>${line}</p>`).join('\n')}
</main>
</body>
</html>
`;
}
