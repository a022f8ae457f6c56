// SPDX-License-Identifier: Apache-2.0
// A turn of an agent with all that can be translated, for tests of both directions.

export const SCHEMA = {
  type: 'object',
  properties: { z: { type: 'string' }, a: { type: 'number' } },
  required: ['z', 'a'],
};
export const CLOSED = { ...SCHEMA, additionalProperties: false };

export const AGENT_TURN = {
  model: 'gpt-5',
  instructions: 'Be brief.',
  input: [
    { role: 'developer', content: 'Mind the style.' },
    {
      type: 'message',
      role: 'user',
      content: [
        { type: 'input_text', text: 'Look' },
        { type: 'input_image', image_url: 'data:image/png;base64,AAAA', detail: 'high' },
        { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,BBBB' },
        { type: 'input_file', file_url: 'https://example.org/b.pdf' },
      ],
    },
    { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Hm.' }], encrypted_content: 'gAAA' },
    {
      type: 'message',
      id: 'msg_1',
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'output_text', text: 'I look.', annotations: [] }],
    },
    { type: 'function_call', id: 'fc_1', call_id: 'call_A', name: 'read', arguments: '{"z": "1"}' },
    { type: 'function_call', call_id: 'call_B', name: 'shot', arguments: '' },
    { type: 'function_call_output', call_id: 'call_A', output: 'text' },
    {
      type: 'function_call_output',
      call_id: 'call_B',
      output: [
        { type: 'input_text', text: 'seen' },
        { type: 'input_image', image_url: 'https://example.org/i.png' },
      ],
    },
    { role: 'user', content: 'Go on' },
  ],
  tools: [{ type: 'function', name: 'read', description: 'reads', parameters: CLOSED, strict: true }],
  tool_choice: { type: 'function', name: 'read' },
  parallel_tool_calls: false,
  text: { format: { type: 'json_schema', name: 'out', schema: CLOSED, strict: true }, verbosity: 'low' },
  reasoning: { effort: 'high', summary: 'auto' },
  max_output_tokens: 900,
  temperature: 0.5,
  top_p: 0.9,
  prompt_cache_key: 'k1',
  safety_identifier: 'u1',
  store: false,
  stream: true,
};
