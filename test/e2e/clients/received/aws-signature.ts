// SPDX-License-Identifier: Apache-2.0
// Is a recorded request signed as AWS's own SDK would sign it? The SDK's signer is asked again over what came over the wire.

import assert from 'node:assert/strict';
import { BedrockRuntimeClient } from '@aws-sdk/client-bedrock-runtime';
import type { RecordedRequest } from '../../../fakes/provider/recorded.ts';

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([^/]+)\/bedrock\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=[0-9a-f]{64}$/;

export async function assertSigned(request: RecordedRequest, keys: AwsKeys): Promise<void> {
  const authorization = request.header('authorization') ?? '';
  const [, keyId, region = '', names = ''] = AUTHORIZATION.exec(authorization) ?? [];
  assert.equal(keyId, keys.accessKeyId, authorization);
  const time = request.header('x-amz-date') ?? '';
  const signingDate = new Date(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  assert.ok(Math.abs(signingDate.getTime() - Date.now()) < 300_000, `signed at ${time}`);
  const signed = new Set(names.split(';'));
  assert.ok(signed.has('host') && signed.has('x-amz-date'), names);
  const client = new BedrockRuntimeClient({ region, credentials: keys });
  const signer = await client.config.signer({
    name: 'sigv4',
    signingName: 'bedrock',
    signingRegion: region,
    properties: {},
  });
  const again = await signer.sign(
    {
      method: request.method,
      protocol: 'http:',
      hostname: '127.0.0.1',
      path: request.target,
      query: {},
      headers: Object.fromEntries([...signed].map((name) => [name, request.header(name) ?? ''])),
      body: request.body,
    },
    // The signer adds this header of its own accord; it is wanted by S3 alone.
    { signingDate, unsignableHeaders: new Set(['x-amz-content-sha256']) },
  );
  assert.equal(again.headers['authorization'], authorization);
}
