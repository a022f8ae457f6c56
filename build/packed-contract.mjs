// SPDX-License-Identifier: Apache-2.0
// Packs the contract of the admin API for its page. The contract is written in zod, which would be 40 KB of the page; here the schemas
// are taken as values and written again in zod/mini, which is 7. What the page relies on stays checked, which is every answer: members,
// types, words; lengths and patterns are the server's to keep.

import { resolve } from 'node:path';
import { build } from 'esbuild';

/** Packed as a whole: each of their exports is a schema or plain data. */
const CONTRACT = /src[\\/]contract[\\/]admin[\\/](?:record-)?messages\.ts$/;

/** What the page asks is checked by its types when it is built, and by the server; here it is enough that there is something. */
const ASKED = /(Request|Query|Text)$/;

/** An esbuild plugin. The sources are the same afterwards; only the bundle differs. */
export const packedContract = {
  name: 'packed-contract',
  setup(bundler) {
    bundler.onLoad({ filter: CONTRACT }, async ({ path }) => {
      const { exports, toJSONSchema, files } = await load(path);
      const lines = Object.entries(exports).map(([name, value]) => {
        const isSchema = typeof value === 'object' && value !== null && '_zod' in value;
        const schema = () => (ASKED.test(name) ? {} : toJSONSchema(value, { unrepresentable: 'any' }));
        const text = isSchema ? codeOf(schema()) : JSON.stringify(value);
        return `export const ${name} = ${text};`;
      });
      const contents = ["import * as z from 'zod/mini';", ...lines].join('\n');
      return { contents, loader: 'js', watchFiles: files };
    });
  },
};

/** The module's exports, run here; also on a Node that cannot run TypeScript. */
async function load(path) {
  const code = `import * as exports from ${JSON.stringify(path)}; export { exports }; export { toJSONSchema } from 'zod';`;
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: resolve(path, '..') },
    bundle: true,
    format: 'esm',
    platform: 'node',
    write: false,
    metafile: true,
    logLevel: 'silent',
  });
  const url = `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`;
  const files = Object.keys(metafile.inputs).filter((file) => file.endsWith('.ts'));
  return { ...(await import(url)), files: files.map((file) => resolve(file)) };
}

/** @param {Record<string, any>} schema a JSON schema as zod writes it */
function codeOf(schema) {
  const call = (name, ...args) => `/* @__PURE__ */ z.${name}(${args.join(', ')})`;
  if (Array.isArray(schema.type)) return codeOf({ anyOf: schema.type.map((type) => ({ ...schema, type })) });
  if (schema.const !== undefined) return call('literal', JSON.stringify(schema.const));
  if (schema.enum !== undefined) return call('enum', JSON.stringify(schema.enum));
  if (schema.anyOf !== undefined) {
    const others = schema.anyOf.filter(({ type }) => type !== 'null').map(codeOf);
    const one = others.length === 1 ? others[0] : call('union', `[${others.join(', ')}]`);
    return others.length === schema.anyOf.length ? one : call('nullable', one);
  }
  switch (schema.type) {
    case 'object':
      return schema.properties === undefined
        ? call('record', call('string'), codeOf(schema.additionalProperties ?? {}))
        : membersCode(schema, call);
    case 'array':
      return call('array', codeOf(schema.items ?? {}));
    case 'integer':
      return call('int');
    case 'string':
    case 'number':
    case 'boolean':
    case 'null':
      return call(schema.type);
    case undefined:
      return call('unknown');
    default:
      throw new Error(`the contract has a type that the page cannot check: ${JSON.stringify(schema)}`);
  }
}

function membersCode({ properties, required = [], additionalProperties }, call) {
  const members = Object.entries(properties).map(([name, member]) => {
    const code = codeOf(member);
    return `${JSON.stringify(name)}: ${required.includes(name) ? code : call('optional', code)}`;
  });
  return call(additionalProperties === false ? 'strictObject' : 'object', `{ ${members.join(', ')} }`);
}
