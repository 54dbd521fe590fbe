// The official TypeScript client, driven by lines on stdin; one line of answer each. What it may be told: see
// tests/interop/sdk_client_test.cc. Usage: client.mjs REVISION COMMAND ARGS... (REVISION: newest, or the one to offer)
import { createInterface } from 'node:readline';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';

const [revision, command, ...args] = process.argv.slice(2);
const say = (text) => process.stdout.write(text + '\n');
const text = (result) => JSON.stringify(result.content?.[0]?.text ?? '');

const transport = new StdioClientTransport({ command, args, stderr: 'inherit' });
let negotiated = 'none';
transport.setProtocolVersion = (version) => { negotiated = version; };
if (revision !== 'newest') {
  const send = transport.send.bind(transport);
  transport.send = (message, options) => {
    if (message.method === 'initialize') message.params.protocolVersion = revision;
    return send(message, options);
  };
}
const client = new Client({ name: 'interop', version: '1' }, { capabilities: { roots: {}, sampling: {} } });
let strays = 0;
client.onerror = (error) => { ++strays; process.stderr.write(`stray: ${error}\n`); };

const call = (name, json, options) => client.callTool({ name, arguments: JSON.parse(json) }, undefined, options);
const verbs = {
  async list() { say('tools ' + (await client.listTools()).tools.map((tool) => tool.name).join(' ')); },
  async ping() { await client.ping(); say('pong'); },
  async call(name, json) { say('result ' + text(await call(name, json))); },
  async parallel(count, name, json) {
    const all = await Promise.all(Array.from({ length: Number(count) }, () => call(name, json)));
    say(`results ${all.filter((result) => !result.isError).length}`);
  },
  async start(name, json) { call(name, json).catch(() => {}); say('started'); },
  async cancel(ms, name, json) {
    const abort = new AbortController();
    setTimeout(() => abort.abort('changed my mind'), Number(ms));
    await call(name, json, { signal: abort.signal }).then(() => say('finished'), () => say('cancelled'));
  },
  async strays() { say(`strays ${strays}`); },
  async close() {
    const begin = performance.now();
    await client.close();
    say(`closed ${Math.round(performance.now() - begin)}`);
    process.exit(0);
  },
};

try {
  await client.connect(transport);
  say(`connected ${negotiated} ${client.getServerVersion().name}`);
} catch (error) {
  say(`refused ${error}`);
  process.exit(1);
}
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, ...rest] = line.split('\t');
  try { await verbs[verb](...rest); } catch (error) { say(`error ${error}`.replaceAll('\n', ' ')); }
}
