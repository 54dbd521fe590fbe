// A server by the official SDK that speaks HTTP+SSE only, on loopback. Says its port, and how many clients it has whenever
// that changes. `echo` answers, `ask` answers what the client's model says, `grow` says that its list has changed.
import { createServer } from 'node:http';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const clients = new Map();
const text = (value) => ({ content: [{ type: 'text', text: value }] });

function serve() {
  const server = new Server({ name: 'old', version: '1' }, { capabilities: { tools: { listChanged: true } } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: ['echo', 'ask', 'grow'].map((name) => ({ name, inputSchema: { type: 'object' } })) }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
    if (params.name === 'ask') {
      const messages = [{ role: 'user', content: { type: 'text', text: 'what does it do?' } }];
      return text((await server.createMessage({ messages, maxTokens: 9 })).content.text);
    }
    if (params.name === 'grow') await server.sendToolListChanged();
    return text(params.arguments?.text ?? 'done');
  });
  return server;
}

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost');
  if (request.method === 'GET' && url.pathname === '/sse') {
    const transport = new SSEServerTransport('/messages', response);
    clients.set(transport.sessionId, transport);
    console.log(`clients ${clients.size}`);
    response.on('close', () => {
      clients.delete(transport.sessionId);
      console.log(`clients ${clients.size}`);
    });
    return serve().connect(transport);
  }
  const client = request.method === 'POST' && clients.get(url.searchParams.get('sessionId'));
  if (client) return client.handlePostMessage(request, response);
  response.writeHead(404).end();
}).listen(0, '127.0.0.1', function listening() { console.log(this.address().port); });
process.stdin.resume().on('end', () => process.exit(0));
