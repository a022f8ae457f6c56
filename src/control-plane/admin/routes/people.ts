// SPDX-License-Identifier: Apache-2.0
// Endpoints about administrators and the settings of their organisation.

import type { Context } from '../../context.ts';
import { createUser, listUsers, setDisabled, setRoles } from '../auth/users.ts';
import { changeSettings, readOrgSettings } from '../org-settings.ts';
import type { Overview } from '../overview.ts';
import { type AdminHandlers, DONE } from './call.ts';

type Names = 'overview' | 'users' | 'newUser' | 'setRoles' | 'setDisabled' | 'settings' | 'setSettings';

export function peopleHandlers(ctx: Context, overview: Overview): AdminHandlers<Names> {
  return {
    async overview({ org }) {
      return await overview(org);
    },

    async users({ org }) {
      const users = await listUsers(ctx, org);
      return { users: users.map((user) => ({ ...user, roles: [...user.roles] })) };
    },

    async newUser({ org, actor, body }) {
      const { id, password } = await createUser(ctx, org, actor, body);
      return { id, password };
    },

    async setRoles({ org, actor, path: { id }, body: { roles } }) {
      await setRoles(ctx, org, actor, id, roles);
      return DONE;
    },

    async setDisabled({ org, actor, path: { id }, body: { disabled } }) {
      await setDisabled(ctx, org, actor, id, disabled);
      return DONE;
    },

    async settings({ org }) {
      return await readOrgSettings(ctx, org);
    },

    async setSettings({ org, actor, body }) {
      await changeSettings(ctx, org, actor, body);
      return DONE;
    },
  };
}
