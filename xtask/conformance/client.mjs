// A client for the suite's client scenarios: node client.mjs URL
//
// It speaks stdio to `tapgate tap URL`, so what the suite's mock server sees and judges is tapgate's leg.
// The suite says in the environment which scenario it plays, and in which revision.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const {
  MCP_CONFORMANCE_CONTEXT: context = '{}',
  MCP_CONFORMANCE_PROTOCOL_VERSION: revision,
  MCP_CONFORMANCE_SCENARIO: scenario,
  TAPGATE: program,
} = process.env;
const { toolCalls = [] } = JSON.parse(context);
const modern = revision >= '2026-07-28';
const clientInfo = { name: 'tapgate-conformance', version: '1.0.0' };
const capabilities = {
  elicitation: { form: modern ? {} : { applyDefaults: true } },
  roots: modern ? {} : { listChanged: true },
  sampling: {},
};

const tapgate = spawn(program, ['tap', process.argv.at(-1)], { stdio: ['pipe', 'pipe', 'inherit'] });
const waiting = new Map();
const send = message => tapgate.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);

createInterface({ input: tapgate.stdout }).on('line', line => {
  const message = JSON.parse(line);
  if ('method' in message) {
    if ('id' in message) send({ id: message.id, result: answer(message) });
  } else {
    waiting.get(message.id)?.(message);
    waiting.delete(message.id);
  }
});

// The suite's own limit would end its shell and leave this program behind.
setTimeout(() => { console.error('no answer in time'); process.exit(1); }, 20_000).unref();

async function request(method, params = {}) {
  const id = request.last = (request.last ?? 0) + 1;
  const _meta = modern && {
    'io.modelcontextprotocol/clientCapabilities': capabilities,
    'io.modelcontextprotocol/clientInfo': clientInfo,
    'io.modelcontextprotocol/protocolVersion': revision,
  };
  const answered = new Promise(resolve => waiting.set(id, resolve));
  send({ id, method, params: { ...params, ...(_meta && { _meta }) } });
  const { result, error } = await answered;
  if (error) throw new Error(`${method}: ${error.code} ${error.message}`);
  return result;
}

// What a person or a model would say to a question.
function answer({ method, params }) {
  switch (method) {
    case 'elicitation/create': {
      const fields = Object.entries(params.requestedSchema?.properties ?? {});
      const content = fields.map(([name, field]) => [name, field.default ?? (field.type === 'boolean' ? true : 'x')]);
      return { action: 'accept', content: Object.fromEntries(content) };
    }
    case 'sampling/createMessage':
      return { role: 'assistant', model: 'none', content: { type: 'text', text: 'said' }, stopReason: 'endTurn' };
    case 'roots/list':
      return { roots: [] };
    default:
      return {};
  }
}

// Spec 2026-07-28, basic/patterns/mrtr: a result that needs input is asked for again, with the answers and the state.
async function ask(method, params) {
  for (let retry = {}; ;) {
    const result = await request(method, { ...params, ...retry });
    if (result.resultType !== 'input_required') return result;
    const answers = Object.entries(result.inputRequests ?? {}).map(([key, asked]) => [key, answer(asked)]);
    retry = { inputResponses: Object.fromEntries(answers) };
    if ('requestState' in result) retry.requestState = result.requestState;
  }
}

const call = (name, args = {}) => ask('tools/call', { name, arguments: args });
const tools = async () => (await request('tools/list')).tools;
// Some mocks refuse on purpose; what they judge is what reached them.
const tried = promise => promise.catch(error => console.error(error.message));

const scenarios = {
  initialize: tools,
  async tools_call() {
    await tools();
    await call('add_numbers', { a: 5, b: 3 });
  },
  async 'elicitation-sep1034-client-defaults'() {
    await tools();
    await call('test_client_elicitation_defaults');
  },
  async 'sse-retry'() {
    await tools();
    await call('test_reconnection');
  },
  async 'request-metadata'() {
    await tried(request('server/discover'));
    await tried(tools());
  },
  async 'http-standard-headers'() {
    const [tool] = await tools();
    await call(tool.name);
    const { resources: [resource] } = await request('resources/list');
    await ask('resources/read', { uri: resource.uri });
    const { prompts: [prompt] } = await request('prompts/list');
    await ask('prompts/get', { name: prompt.name, arguments: {} });
  },
  async 'http-custom-headers'() {
    await tools();
    for (const { name, arguments: args } of toolCalls) await tried(call(name, args));
  },
  async 'http-invalid-tool-headers'() {
    for (const { name } of await tools()) await tried(call(name, { region: 'us-west1' }));
  },
  async 'sep-2322-client-request-state'() {
    for (const name of ['echo_state', 'no_state', 'unrelated', 'no_result_type']) await tried(call(`test_mrtr_${name}`));
  },
  async 'json-schema-ref-no-deref'() {
    for (const { name } of await tools()) await tried(call(name));
  },
  async 'json-schema-2020-12-preservation'() {
    const focal = (await tools()).find(({ name }) => name === 'json_schema_2020_12_tool');
    await call('json_schema_echo', { schema: focal.inputSchema });
  },
};

if (!(scenario in scenarios)) throw new Error(`client.mjs does not know the scenario ${scenario}`);
if (!modern) {
  await request('initialize', { protocolVersion: revision, capabilities, clientInfo });
  send({ method: 'notifications/initialized' });
}
await scenarios[scenario]();
const ended = new Promise(resolve => tapgate.on('exit', resolve));
tapgate.stdin.end();
await ended;
process.exit(0);
