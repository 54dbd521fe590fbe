// Drives an official TypeScript client by lines on stdin; one line of answer each. What it may be told: see the tests beside.
// Usage: client.mjs REVISION (COMMAND ARGS... | URL) (REVISION: newest, or the one to offer; auto: newest, asked for as this client does where
// it may choose; URL: of /sse by HTTP+SSE)
import { createInterface } from 'node:readline';

const say = (text) => process.stdout.write(text + '\n');
const text = (result) => JSON.stringify((result.content ?? []).map((block) => block.text ?? '').join('\n'));

// Over HTTP, the bytes of every answer as they came: handed to whoever waits for one.
let answered = () => {};
async function listen(body, lines) {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split(lines ? '\n' : '\0');
    rest = parts.pop();
    for (const part of parts) if (part.startsWith('data: {')) hear(part.slice(6));
  }
  if (!lines && rest) hear(rest);
}
function hear(message) { if (!('method' in JSON.parse(message))) answered(message); }
async function fetchAndListen(url, init) {
  const response = await fetch(url, init);
  if (!response.ok || !response.body) return response;
  const [forUs, forThem] = response.body.tee();
  listen(forUs, response.headers.get('content-type')?.startsWith('text/event-stream')).catch(() => {});
  return new Response(forThem, response);
}

// What node/client.mjs and node/client2.mjs say of their SDK:
//   Client, SseTransport, StdioTransport, HttpTransport  its classes
//   options(revision)                                    more options of Client
//   requestOf(method)                                    what setRequestHandler() knows a request by
//   callTool(client, params, options)
//   anyResult                                            a schema that takes any
export async function drive(sdk) {
  const [revision, command, ...args] = process.argv.slice(2);
  const http = /^https?:/.test(command);
  const sse = http && /\/sse\b/.test(command);
  const transport = sse ? new sdk.SseTransport(new URL(command))
    : http ? new sdk.HttpTransport(new URL(command), { fetch: fetchAndListen })
    : new sdk.StdioTransport({ command, args, stderr: 'inherit' });
  let negotiated = 'none';
  const setProtocolVersion = transport.setProtocolVersion?.bind(transport);
  transport.setProtocolVersion = (version) => { negotiated = version; setProtocolVersion?.(version); };
  if (!['newest', 'auto'].includes(revision)) {
    const send = transport.send.bind(transport);
    transport.send = (message, options) => {
      if (message.method === 'initialize') message.params.protocolVersion = revision;
      return send(message, options);
    };
  }
  // The Python client declares the same, which a server's list of tools may depend on.
  const capabilities = { roots: { listChanged: true }, sampling: {}, elicitation: { form: {}, url: {} } };
  const client = new sdk.Client({ name: 'interop', version: '1' }, { capabilities, ...sdk.options(revision) });
  const whenAsked = (method, answer) => client.setRequestHandler(sdk.requestOf(method), () => answer);
  whenAsked('roots/list', { roots: [{ uri: 'file:///kelp', name: 'kelp' }] });
  whenAsked('sampling/createMessage', { role: 'assistant', model: 'none', content: { type: 'text', text: 'it grips the rock' } });
  whenAsked('elicitation/create', { action: 'accept', content: { name: 'Laminaria' } });
  let strays = 0;
  client.onerror = (error) => { ++strays; process.stderr.write(`stray: ${error}\n`); };

  const call = (name, json, options) => sdk.callTool(client, { name, arguments: JSON.parse(json) }, options);
  const verbs = {
    async list() { say('tools ' + (await client.listTools()).tools.map((tool) => tool.name).join(' ')); },
    async ping() { await client.ping(); say('pong'); },
    async call(name, json) { say('result ' + text(await call(name, json))); },
    async parallel(count, name, json) {
      const all = await Promise.all(Array.from({ length: Number(count) }, () => call(name, json)));
      say(`results ${all.filter((result) => !result.isError).length}`);
    },
    // The answer's bytes, from one brace to the other.
    async raw(method, json) {
      const message = new Promise((resolve) => { answered = resolve; });
      await client.request({ method, params: JSON.parse(json) }, sdk.anyResult).catch(() => {});
      say('raw ' + await message);
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
      if (http && !sse) await transport.terminateSession();
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
}
