// A server of the modern era that offers the tasks extension (SEP-2663), written without an SDK: node tasks.mjs stdio|http
//
// The fixture's SDK has no tasks, and what a proxy does with methods that it does not know is worth a look.
// On http it picks a free port of loopback and prints its URL.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { pause } from './load.mjs';

const EXTENSION = 'io.modelcontextprotocol/tasks';
const REVISION = '2026-07-28';
const complete = (members = {}) => ({ resultType: 'complete', ...members });
const says = words => ({ content: [{ type: 'text', text: words }] });
const question = (message, field) => ({
  method: 'elicitation/create',
  params: { message, requestedSchema: { type: 'object', properties: { [field]: { type: 'string' } }, required: [field] } },
});

class Refusal extends Error {
  constructor(code, message, data) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

const tasks = new Map();

// Work that goes on after its call was answered; `need` parks it until every question has its answer.
function start(work) {
  const now = new Date().toISOString();
  const seen = {
    taskId: randomUUID(), status: 'working', createdAt: now, lastUpdatedAt: now, ttlMs: 600_000, pollIntervalMs: 100,
  };
  const task = { seen, answers: {}, resume: () => {} };
  const turn = (status, members = {}) => {
    if (['completed', 'failed', 'cancelled'].includes(seen.status)) return;
    delete seen.inputRequests;
    Object.assign(seen, { status, lastUpdatedAt: new Date().toISOString(), ...members });
  };
  const need = inputRequests => new Promise(resolve => {
    turn('input_required', { inputRequests });
    task.resume = () => { turn('working'); resolve(task.answers); };
  });
  task.cancel = () => turn('cancelled');
  tasks.set(seen.taskId, task);
  const result = { resultType: 'task', ...seen };
  work(need).then(
    result => turn('completed', { result: complete(result) }),
    error => turn('failed', { error: { code: -32603, message: error.message } }),
  );
  return result;
}

// `task` says whether a client that knows tasks gets one, and whether others are refused.
const tools = {
  greet: { run: async ({ name }) => says(`Hello, ${name}!`) },
  slow_compute: {
    task: 'optional',
    run: async ({ seconds = 0, label = 'computed' }) => { await pause(seconds * 1000); return says(label); },
  },
  failing_job: { task: 'required', run: async () => { await pause(300); return { ...says('it failed'), isError: true }; } },
  protocol_error_job: { task: 'optional', run: async () => { throw new Error('it broke'); } },
  confirm_delete: {
    task: 'required',
    run: async ({ filename }, need) => {
      await need({ confirm: question(`Delete ${filename}?`, 'confirm') });
      return says(`deleted ${filename}`);
    },
  },
  multi_input: {
    task: 'required',
    run: async (_, need) => {
      await need({ first: question('First?', 'name'), second: question('Second?', 'name') });
      return says('both arrived');
    },
  },
  test_tool_with_task: {
    task: 'required',
    first: { user_name: question('What is your name?', 'name') },
    run: async ({ name }) => says(`Hello, ${name}!`),
  },
};

function call({ name, arguments: args = {}, inputResponses }, knowsTasks) {
  const tool = tools[name];
  if (!tool) throw new Refusal(-32602, `Unknown tool: ${name}`);
  if (tool.task === 'required' && !knowsTasks) throw missing();
  if (tool.first && !inputResponses) return { resultType: 'input_required', inputRequests: tool.first };
  const given = { ...args, ...inputResponses?.user_name?.content };
  return tool.task && knowsTasks ? start(need => tool.run(given, need)) : tool.run(given).then(complete);
}

const missing = () => new Refusal(-32021, `Missing required client capability: ${EXTENSION}`, {
  requiredCapabilities: { extensions: { [EXTENSION]: {} } },
});

function known({ taskId }) {
  const task = tasks.get(taskId);
  if (!task) throw new Refusal(-32602, 'Unknown task');
  return task;
}

const methods = {
  'server/discover': () => complete({
    supportedVersions: [REVISION],
    capabilities: { tools: {}, extensions: { [EXTENSION]: {} } },
    ttlMs: 0,
    cacheScope: 'private',
    _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'tapgate-tasks', version: '1.0.0' } },
  }),
  'tools/list': () => complete({
    tools: Object.keys(tools).map(name => ({ name, description: `Fixture: ${name}`, inputSchema: { type: 'object' } })),
    ttlMs: 0,
    cacheScope: 'private',
  }),
  'tools/call': call,
  'tasks/get': params => complete(known(params).seen),
  'tasks/cancel': params => { known(params).cancel(); return complete(); },
  'tasks/update': params => {
    const task = known(params);
    for (const [key, answer] of Object.entries(params.inputResponses ?? {})) {
      if (!(key in (task.seen.inputRequests ?? {}))) continue;
      task.answers[key] = answer;
      delete task.seen.inputRequests[key];
      if (Object.keys(task.seen.inputRequests).length === 0) task.resume();
    }
    return complete();
  },
};

// Answers a request, or says why not.
async function answer({ method, params = {} }) {
  const meta = params._meta ?? {};
  const requested = meta['io.modelcontextprotocol/protocolVersion'];
  const capabilities = meta['io.modelcontextprotocol/clientCapabilities'];
  if (!Object.hasOwn(methods, method)) throw new Refusal(-32601, 'Method not found');
  if (!requested || !capabilities) throw new Refusal(-32602, 'Invalid params: _meta is not complete');
  if (requested !== REVISION) {
    throw new Refusal(-32022, 'Unsupported protocol version', { supported: [REVISION], requested });
  }
  const knowsTasks = Boolean(capabilities.extensions?.[EXTENSION]);
  if (method.startsWith('tasks/') && !knowsTasks) throw missing();
  return methods[method](params, knowsTasks);
}

async function reply(message, check = () => {}) {
  try {
    check();
    return { jsonrpc: '2.0', id: message.id, result: await answer(message) };
  } catch (error) {
    const { code = -32603, message: words, data } = error;
    return { jsonrpc: '2.0', id: message.id ?? null, error: { code, message: words, data } };
  }
}

// Spec 2026-07-28, basic/transports, Standard headers; SEP-2663 adds the id of the task.
function mirrored({ method, params = {} }, headers) {
  if (!Object.hasOwn(methods, method)) return;
  const name = method.startsWith('tasks/') ? params.taskId : method === 'tools/call' ? params.name : undefined;
  if (headers['mcp-method'] !== method) throw new Refusal(-32020, 'Header mismatch: Mcp-Method');
  if (name !== undefined && headers['mcp-name'] !== name) throw new Refusal(-32020, 'Header mismatch: Mcp-Name');
}

// Spec 2026-07-28, basic/transports: what a request is refused for before it is served shows in the status.
const STATUS = { [-32601]: 404, [-32603]: 200 };

if (process.argv[2] === 'stdio') {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', async line => {
    const message = JSON.parse(line);
    if ('id' in message) process.stdout.write(`${JSON.stringify(await reply(message))}\n`);
  });
  // Timers of tasks must not outlive who asked for them.
  lines.on('close', () => process.exit(0));
} else {
  const http = createServer(async (request, response) => {
    if (request.method !== 'POST') return response.writeHead(405, { allow: 'POST' }).end();
    const message = JSON.parse(await text(request));
    if (!('id' in message)) return response.writeHead(202).end();
    const said = await reply(message, () => mirrored(message, request.headers));
    const status = said.error ? STATUS[said.error.code] ?? 400 : 200;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(said));
  });
  http.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${http.address().port}/mcp`));
}
