// SPDX-License-Identifier: Apache-2.0
// `outpost enroll`: the words of the command line; what they do is in enroll-join.ts and enroll-member.ts. Works on the folder of this
// device; a running daemon takes it up by itself.

import { resolve } from 'node:path';
import type { Managed } from '../os/managed-settings/managed-settings.ts';
import { type OpenUrl, openUrl } from '../os/open-url.ts';
import { type Command, DATA_DIR_HELP, DATA_DIR_OPTION, parseOptions, pathsFor, UsageError } from './command.ts';
import { join } from './enroll-join.ts';
import { leave, signInPerson, status } from './enroll-member.ts';
import { managedAt } from './membership.ts';
import { type Terminal, terminal } from './terminal.ts';

/** What the command needs of the machine. */
export interface EnrollParts {
  readonly terminal: Terminal;
  readonly managed: (dataDir: string) => Promise<Managed>;
  readonly openUrl: OpenUrl;
}

const HELP = `outpost enroll URL --org ORG [--root root-1:HEX] [--token-file FILE] [--ca-file FILE] [--data-dir DIR]
outpost enroll --new-keys [--token-file FILE]
outpost enroll --status [--json]
outpost enroll --sign-in
outpost enroll --leave [--yes]

Makes this machine a device of an organisation: its rules then hold here, and its control plane receives the audit log. A running
daemon takes it up within seconds. Where device management has named the organisation, say \`outpost enroll\` alone.

URL                   address of the control plane
  --org ORG           name of the organisation there
  --root root-N:HEX   fingerprint of the organisation's root, from an administrator (\`outpost-admin root show\`); without it the server's
                      own is shown, for you to compare
  --token-file FILE   file with the enrolment token (-: standard input); without it you are asked, or it is read from a pipe.
                      Never give it as an argument: other users of this machine see those
  --ca-file FILE      certificates (PEM) to trust for URL besides the system's
  --new-keys          makes new keys and enrols again: when the server asks for it, or the keys of this device are lost
  --status            whether this device is enrolled, where, and how its keys are kept. Exit code 0: enrolled; 3: not
  --sign-in           tells the organisation who uses this device: you sign in with the browser
  --leave             takes this device out of its organisation: removes its keys and the organisation's rules, keeps the audit log.
                      Not where device management has put it there
  --yes               asks nothing: leaves at once; to enrol, --root must be there
  --json              machine-readable (--status)
${DATA_DIR_HELP}
`;

export function createEnroll({ terminal, managed, openUrl }: EnrollParts): Command {
  return {
    help: HELP,
    async run(args, io) {
      const { values, positionals } = parseOptions(
        args,
        {
          org: { type: 'string' },
          root: { type: 'string' },
          'token-file': { type: 'string' },
          'ca-file': { type: 'string' },
          'new-keys': { type: 'boolean' },
          status: { type: 'boolean' },
          'sign-in': { type: 'boolean' },
          leave: { type: 'boolean' },
          yes: { type: 'boolean' },
          json: { type: 'boolean' },
          ...DATA_DIR_OPTION,
        },
        { max: 1 },
      );
      const dataDir = resolve(values['data-dir'] ?? pathsFor(io).dataDir);
      const { 'data-dir': _, yes = false, json = false, ...rest } = values;
      const action = (['status', 'sign-in', 'leave'] as const).find((name) => values[name] === true);
      const [url] = positionals;
      if (action !== undefined && (url !== undefined || Object.keys(rest).some((name) => name !== action))) {
        throw new UsageError(`--${action} goes with --data-dir${action === 'leave' ? ' and --yes' : ''} only`);
      }
      if (json && action !== 'status') throw new UsageError('--json goes with --status');
      if (yes && action !== 'leave' && values.root === undefined) {
        throw new UsageError('--yes needs --root: what nobody is asked about must have been said');
      }
      const parts = { io, dataDir, terminal, managed: await managed(dataDir) };
      switch (action) {
        case 'status':
          return await status(parts, json);
        case 'sign-in':
          return await signInPerson(parts, openUrl);
        case 'leave':
          return await leave(parts, yes);
        case undefined: {
          const { org, root, 'token-file': tokenFile, 'ca-file': caFile, 'new-keys': newKeys = false } = values;
          return await join(parts, { url, org, root, tokenFile, caFile, newKeys });
        }
      }
    },
  };
}

export const enroll = createEnroll({
  terminal,
  managed: (dataDir) => managedAt(dataDir),
  openUrl: openUrl(process.platform),
});
