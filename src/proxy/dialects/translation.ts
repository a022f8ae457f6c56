// SPDX-License-Identifier: Apache-2.0
// All that is needed only where a call is translated or its frames are changed. Loaded on first use (`loadTranslation`): most machines
// never fail over, and the codecs take some megabytes.

export { invokeFramesToSse, sseToInvokeFrames } from './bedrock/reframe.ts';
export { codecOf } from './codecs.ts';
export { translateAnswer } from './hub/translator.ts';
