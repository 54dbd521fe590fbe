// A host as one writes it with the official SDK: the same seven jobs and the same live client, without Holdfast.
//
// plain_host.mjs CONFIG MODE MARK. MODE "sdk": a run closes its clients as the SDK does; a cancelled run's clean-up is
// cancelled with it, as it is under structured concurrency (a cancelled scope ends every await inside, also those in
// `finally`). MODE "kill-all": besides, every known server is killed when any job ends. Every server carries
// HOLDFAST_DEMO=MARK. Commands on stdin: "tick" runs all jobs once, in parallel. Facts on stdout, one JSON a line.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';

const require = createRequire(new URL('../../tests/interop/node/package.json', import.meta.url));
const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const { StdioClientTransport, getDefaultEnvironment } = require('@modelcontextprotocol/sdk/client/stdio.js');
const YAML = require('yaml');

const [configFile, mode, mark] = process.argv.slice(2);
const interpolated = readFileSync(configFile, 'utf8').replace(
  /\$\{([A-Z_]+)(?::-([^}]*))?\}/g, (_, name, otherwise) => process.env[name] ?? otherwise ?? '');
const config = YAML.parse(interpolated);

const CANCELLED_JOB = 'too-long';
const shared = new Map();  // server -> promise of its client: one copy for everybody
const known = new Set();   // transports of all servers that were started here
const live = { calls: 0, broken: 0 };
let siblingsBroken = 0;

const tell = (fact) => process.stdout.write(JSON.stringify(fact) + '\n');
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function connect(name) {
  const entry = config.mcpServers[name];
  const transport = new StdioClientTransport({
    command: entry.command, args: entry.args ?? [], cwd: entry.cwd ?? dirname(configFile), stderr: 'ignore',
    env: { ...getDefaultEnvironment(), ...entry.env, HOLDFAST_DEMO: mark },
  });
  const client = new Client({ name: 'plain-host', version: '1.0.0' });
  known.add(transport);
  client.onclose = () => known.delete(transport);
  await client.connect(transport);
  return client;
}

function connectShared(name) {
  if (!shared.has(name)) shared.set(name, connect(name));
  return shared.get(name);
}

async function callShared(name, tool, options) {
  const client = await connectShared(name);
  try {
    return await client.callTool(tool, undefined, options);
  } catch (fault) {
    shared.delete(name);  // whoever comes next starts it anew
    throw fault;
  }
}

// What an await does inside a cancelled scope: it does not begin.
async function unlessCancelled(signal, work) {
  signal.throwIfAborted();
  return work();
}

function killEveryKnownServer() {
  for (const transport of known) {
    if (transport.pid) {
      try { process.kill(transport.pid, 'SIGKILL'); } catch { /* already gone */ }
    }
  }
}

async function runJob(name, job) {
  const controller = new AbortController();
  const { signal } = controller;
  const own = new Map();
  let state = 'ok';
  try {
    for (const step of job.steps) {
      const [server, ...rest] = step.tool.split('__');
      const tool = { name: rest.join('__'), arguments: step.arguments ?? {} };
      const options = { signal, timeout: 120_000 };
      if (config.mcpServers[server].sharing === 'shared') {
        await callShared(server, tool, options);
        continue;
      }
      if (!own.has(server)) own.set(server, await connect(server));
      if (name === CANCELLED_JOB) setTimeout(() => controller.abort(), 1000);
      const result = await own.get(server).callTool(tool, undefined, options);
      if (result.isError) throw new Error(`${step.tool} failed`);
    }
  } catch {
    state = signal.aborted ? 'cancelled' : 'failed';
  }
  try {
    for (const client of own.values()) await unlessCancelled(signal, () => client.close());
  } catch { /* the clean-up was cancelled, too */ }
  if (mode === 'kill-all') killEveryKnownServer();
  if (state === 'failed') siblingsBroken += 1;
  return state;
}

async function liveClient() {
  let client = null;  // its own connection: when that breaks under it, a call of its user's has failed
  for (;;) {
    live.calls += 1;
    try {
      client ??= await connectShared('memory');
      await client.callTool({ name: 'read_graph', arguments: {} }, undefined, { timeout: 20_000 });
    } catch {
      live.broken += 1;
      shared.delete('memory');
      client = null;
    }
    await sleep(200);
  }
}

let ticks = 0;
async function tick() {
  const runs = await Promise.all(Object.entries(config.jobs).map(([name, job]) => runJob(name, job)));
  ticks += 1;
  const memory = shared.has('memory') ? await shared.get('memory').catch(() => null) : null;
  tell({ event: 'joined', tick: ticks, runs, held: [memory?.transport?.pid ?? 0] });
}

process.on('unhandledRejection', () => {});
await connectShared('memory');
liveClient();
setInterval(() => {
  Promise.resolve(shared.get('memory')).then((client) => client?.transport?.pid ?? 0, () => 0)
    .then((pid) => tell({ event: 'live', ...live, siblings: siblingsBroken, held: [pid] }));
}, 250);
tell({ event: 'ready' });
createInterface({ input: process.stdin }).on('line', (line) => { if (line === 'tick') tick(); });
process.stdin.on('end', () => process.exit(0));
