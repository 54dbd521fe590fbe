// The official TypeScript client, version 1. Usage: see driver.mjs.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema, ResultSchema }
  from '@modelcontextprotocol/sdk/types.js';
import { drive } from './driver.mjs';

const requests = {
  'roots/list': ListRootsRequestSchema,
  'sampling/createMessage': CreateMessageRequestSchema,
  'elicitation/create': ElicitRequestSchema,
};
await drive({
  Client,
  SseTransport: SSEClientTransport,
  StdioTransport: StdioClientTransport,
  HttpTransport: StreamableHTTPClientTransport,
  options: () => ({}),
  requestOf: (method) => requests[method],
  callTool: (client, params, options) => client.callTool(params, undefined, options),
  anyResult: ResultSchema,
});
