// SPDX-License-Identifier: Apache-2.0
// Expected signatures: AWS' published test suite for Signature Version 4, its documentation's example for IAM, and the four of the S3 API
// reference ("Authenticating Requests: Using the Authorization Header"); those for Bedrock were computed once with botocore.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { awsEncode, type Signable, signV4 } from './sigv4.ts';

/** AWS' own example keys. */
const keys = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  sessionToken: undefined,
};

const suite: Signable = {
  method: 'GET',
  path: '/',
  headers: [['Host', 'example.amazonaws.com']],
  body: Buffer.alloc(0),
  region: 'us-east-1',
  service: 'service',
  now: Date.UTC(2015, 7, 30, 12, 36, 0),
};

const bedrock: Signable = {
  method: 'POST',
  path: '/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse-stream',
  headers: [
    ['content-type', 'application/json'],
    ['host', 'bedrock-runtime.eu-west-1.amazonaws.com'],
  ],
  body: Buffer.from('{"messages":[]}'),
  region: 'eu-west-1',
  service: 'bedrock',
  now: Date.UTC(2030, 0, 2, 3, 4, 5),
};

/** Of the S3 API reference, which has other example keys. */
const s3Keys = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  sessionToken: undefined,
};

const s3: Signable = {
  method: 'GET',
  path: '/test.txt',
  headers: [['Host', 'examplebucket.s3.amazonaws.com']],
  body: Buffer.alloc(0),
  region: 'us-east-1',
  service: 's3',
  now: Date.UTC(2013, 4, 24),
};

const s3Signatures: readonly (readonly [string, Signable, string])[] = [
  [
    'getting an object',
    { ...s3, headers: [...s3.headers, ['Range', 'bytes=0-9']] },
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  ],
  [
    'putting an object whose name is encoded, once',
    {
      ...s3,
      method: 'PUT',
      path: `/${awsEncode('test$file.text')}`,
      headers: [
        ['Date', 'Fri, 24 May 2013 00:00:00 GMT'],
        ...s3.headers,
        ['x-amz-storage-class', 'REDUCED_REDUNDANCY'],
      ],
      body: Buffer.from('Welcome to Amazon S3.'),
    },
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  ],
  [
    'a query without a value',
    { ...s3, path: '/?lifecycle' },
    'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  ],
  [
    'listing objects',
    { ...s3, path: '/?max-keys=2&prefix=J' },
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  ],
];

const signatures: readonly (readonly [string, Signable, string])[] = [
  ['the suite’s get-vanilla', suite, '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  [
    'its post-vanilla',
    { ...suite, method: 'POST' },
    '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
  ],
  [
    'its get-vanilla-query-order-key-case',
    { ...suite, path: '/?Param2=value2&Param1=value1' },
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  ],
  [
    'the documentation’s example for IAM',
    {
      ...suite,
      path: '/?Action=ListUsers&Version=2010-05-08',
      headers: [
        ['Content-Type', 'application/x-www-form-urlencoded; charset=utf-8'],
        ['Host', 'iam.amazonaws.com'],
      ],
      service: 'iam',
    },
    '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
  ],
  [
    'a model id with a colon, encoded twice',
    bedrock,
    'a7b284a1a68719ad1552fc733e2f8bef0700013dad81330907975d49a1155aac',
  ],
];

for (const [what, request, signature] of signatures) {
  test(`signs ${what}`, () => {
    const headers = new Map(signV4(request, keys));
    assert.equal(headers.get('authorization')?.split('Signature=')[1], signature);
  });
}

for (const [what, request, signature] of s3Signatures) {
  test(`signs for S3: ${what}`, () => {
    const headers = new Map(signV4(request, s3Keys));
    assert.equal(headers.get('authorization')?.split('Signature=')[1], signature);
    assert.match(headers.get('x-amz-content-sha256') ?? '', /^[0-9a-f]{64}$/);
  });
}

test('temporary credentials are named and signed; the query is sorted', () => {
  const request: Signable = {
    ...bedrock,
    path: '/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Aapplication-inference-profile%2Fabc/invoke?b=2&a=x%20y&a=%C3%A9',
    body: Buffer.alloc(0),
  };
  assert.deepEqual(signV4(request, { ...keys, sessionToken: 'TOKEN==' }), [
    ['x-amz-date', '20300102T030405Z'],
    ['x-amz-security-token', 'TOKEN=='],
    [
      'authorization',
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20300102/eu-west-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=d10a371b5a83da9ac9884f07f8407039010eeb1732ca1911a3e14f58a5769584',
    ],
  ]);
});

test('what is no valid percent-encoding is signed as it stands', () => {
  assert.doesNotThrow(() => signV4({ ...suite, path: '/a%zz?b%zz=%&c' }, keys));
});
