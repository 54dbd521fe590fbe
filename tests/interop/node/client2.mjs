// The official TypeScript client, version 2. Usage: see driver.mjs.
import { Client, SSEClientTransport, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { drive } from './driver.mjs';

await drive({
  Client,
  SseTransport: SSEClientTransport,
  StdioTransport: StdioClientTransport,
  HttpTransport: StreamableHTTPClientTransport,
  options: (revision) => (revision === 'auto' ? { versionNegotiation: { mode: 'auto' } } : {}),
  requestOf: (method) => method,
  callTool: (client, params, options) => client.callTool(params, options),
  anyResult: { '~standard': { version: 1, vendor: 'interop', validate: (value) => ({ value }) } },
});
