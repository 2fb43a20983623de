// What the fixture offers: the tools, resources and prompts that the suite's server scenarios name.
//
// A question to the client is written once, as what the tool still needs: the SDK asks at once in the legacy era and
// answers `input_required` in the modern one.
import { randomBytes } from 'node:crypto';
import { load, pause } from './load.mjs';

const {
  McpServer, ResourceTemplate, acceptedContent, completable, createRequestStateCodec, fromJsonSchema, inputRequired,
} = await load('@modelcontextprotocol/server');
const { z } = await load('zod');

const pixel = {
  mimeType: 'image/png',
  data: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC',
};
const silence = { mimeType: 'audio/wav', data: 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=' };

const text = text => ({ type: 'text', text });
const says = words => ({ content: [text(words)] });
const embedded = (uri, mimeType, words) => ({ type: 'resource', resource: { uri, mimeType, text: words } });
const object = (properties, required = Object.keys(properties)) => ({ type: 'object', properties, required });
const string = { type: 'string' };

const question = (message, properties, required) =>
  inputRequired.elicit({ message, requestedSchema: object(properties, required) });
const prompt = (words, maxTokens) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: text(words) }], maxTokens });

const states = createRequestStateCodec({ key: randomBytes(32) });

// One server for one session, connection or request; `notify` tells subscribers that are not on this connection.
export function offer({ era }, notify) {
  const server = new McpServer({ name: 'tapgate-conformance', version: '1.0.0' }, {
    capabilities: {
      completions: {},
      logging: {},
      prompts: { listChanged: true },
      resources: { listChanged: true, subscribe: true },
      tools: { listChanged: true },
    },
    requestState: { verify: states.verify },
  });
  const changed = notify ?? {
    toolsChanged: () => server.sendToolListChanged(),
    promptsChanged: () => server.sendPromptListChanged(),
  };
  const tool = (name, run, inputSchema = z.object({})) =>
    server.registerTool(name, { description: `Fixture: ${name}`, inputSchema }, run);

  contents(tool);
  whileItRuns(tool, changed);
  questions(tool);
  rounds(tool, server);
  resources(server);
  prompts(server);
  if (era === 'legacy') {
    for (const method of ['resources/subscribe', 'resources/unsubscribe']) {
      server.server.setRequestHandler(method, async () => ({}));
    }
  }
  return server;
}

// Every kind of content, and schemas that must arrive as they left.
function contents(tool) {
  const image = { type: 'image', ...pixel };
  tool('test_simple_text', async () => says('This is a simple text response for testing.'));
  tool('test_image_content', async () => ({ content: [image] }));
  tool('test_audio_content', async () => ({ content: [{ type: 'audio', ...silence }] }));
  tool('test_embedded_resource', async () => ({
    content: [embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')],
  }));
  tool('test_multiple_content_types', async () => ({
    content: [
      text('Multiple content types test:'),
      image,
      embedded('test://mixed-content-resource', 'application/json', JSON.stringify({ test: 'data', value: 123 })),
    ],
  }));
  tool('test_error_handling', async () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  tool('json_schema_2020_12_tool', async () => says('valid'), fromJsonSchema({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: string, city: string } } },
    properties: {
      name: string,
      address: { $ref: '#/$defs/address' },
      contactMethod: { type: 'string', enum: ['phone', 'email'] },
      phone: string,
      email: string,
    },
    allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
    if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
    then: { required: ['phone'] },
    else: { required: ['email'] },
    additionalProperties: false,
  }));
  tool('test_x_mcp_header', async ({ region = 'nowhere' }) => says(region), fromJsonSchema(
    object({ region: { type: 'string', 'x-mcp-header': 'Region' } }, []),
  ));
}

// Tools that are heard from before they answer.
function whileItRuns(tool, changed) {
  tool('test_tool_with_logging', async (_, { mcpReq }) => {
    for (const words of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await mcpReq.log('info', words);
      await pause(50);
    }
    return says('logged three times');
  });
  tool('test_tool_with_progress', async (_, { mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) {
        const params = { progressToken, progress, total: 100 };
        await mcpReq.notify({ method: 'notifications/progress', params });
      }
      await pause(50);
    }
    return says('done in three steps');
  });
  tool('test_reconnection', async (_, { http }) => {
    http?.closeSSE?.();
    await pause(200);
    return says('answered after the stream was closed');
  });
  tool('test_logging_tool', async (_, { mcpReq }) => {
    await mcpReq.log('info', 'heard only by who asked for logs');
    return says('logged');
  });
  tool('test_streaming_elicitation', async () => says('nothing but this answer'));
  tool('test_trigger_tool_change', async () => { changed.toolsChanged(); return says('told'); });
  tool('test_trigger_prompt_change', async () => { changed.promptsChanged(); return says('told'); });
}

// Tools that ask the client one thing and report what it said.
function questions(tool) {
  const asks = (name, ask, report, schema) => tool(name, async (args, { mcpReq }) => {
    const answer = mcpReq.inputResponses?.answer;
    return answer ? says(report(answer)) : inputRequired({ inputRequests: { answer: ask(args) } });
  }, schema);
  const completed = ({ action, content = {} }) =>
    `Elicitation completed: action=${action}, content=${JSON.stringify(content)}`;

  asks('test_sampling', ({ prompt: words }) => prompt(words, 100),
    ({ content }) => `LLM response: ${content.text}`, z.object({ prompt: z.string() }));
  asks('test_missing_capability', () => prompt('Is anybody there?', 10), () => 'somebody is there');
  asks('test_elicitation', ({ message }) => question(message, { username: string, email: string }),
    ({ action, content = {} }) => `User response: action=${action}, content=${JSON.stringify(content)}`,
    z.object({ message: z.string() }));
  asks('test_elicitation_sep1034_defaults', () => question('Which values?', {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  }, []), completed);
  const titled = names => names.map((title, at) => ({ const: `value${at + 1}`, title }));
  asks('test_elicitation_sep1330_enums', () => question('Which options?', {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: { type: 'string', oneOf: titled(['First Option', 'Second Option', 'Third Option']) },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
    titledMulti: { type: 'array', items: { anyOf: titled(['First Choice', 'Second Choice', 'Third Choice']) } },
  }, []), completed);
}

// Spec 2026-07-28, basic/patterns/mrtr: tools that need one round or more before they are done.
function rounds(tool, server) {
  const NAME = { name: string };
  const needs = (name, run) => tool(`test_input_required_result_${name}`, async (_, { mcpReq }) => run({
    state: mcpReq.requestState(),
    given: mcpReq.inputResponses ?? {},
    accepted: key => acceptedContent(mcpReq.inputResponses, key),
    capabilities:
      mcpReq.envelope?.['io.modelcontextprotocol/clientCapabilities'] ?? server.server.getClientCapabilities() ?? {},
  }));
  const ask = async (inputRequests, state) =>
    inputRequired({ inputRequests, ...(state && { requestState: await states.mint(state) }) });

  needs('elicitation', ({ accepted }) => {
    const name = accepted('user_name')?.name;
    return typeof name === 'string' ? says(`Hello, ${name}!`) : ask({ user_name: question('What is your name?', NAME) });
  });
  needs('sampling', ({ given: { capital_question: said } }) =>
    said ? says(said.content.text) : ask({ capital_question: prompt('What is the capital of France?', 100) }));
  needs('list_roots', ({ given: { client_roots: said } }) =>
    said ? says(said.roots.map(({ uri }) => uri).join()) : ask({ client_roots: inputRequired.listRoots() }));
  for (const name of ['request_state', 'tampered_state']) {
    needs(name, ({ state, given }) => state?.asked && given.confirm
      ? says('state-ok')
      : ask({ confirm: question('Please confirm', { ok: { type: 'boolean' } }) }, { asked: true }));
  }
  needs('multiple_inputs', ({ given }) => given.user_name && given.greeting && given.client_roots
    ? says('all three arrived')
    : ask({
      user_name: question('What is your name?', NAME),
      greeting: prompt('Generate a greeting', 50),
      client_roots: inputRequired.listRoots(),
    }, { asked: true }));
  needs('multi_round', ({ state, accepted }) => {
    const [first, second] = [accepted('step1'), accepted('step2')];
    if (state?.step === 2 && second) return says(`${state.name} likes ${second.color}`);
    return state?.step === 1 && first
      ? ask({ step2: question('Step 2: What is your favorite color?', { color: string }) }, { step: 2, name: first.name })
      : ask({ step1: question('Step 1: What is your name?', NAME) }, { step: 1 });
  });
  needs('capabilities', ({ given, capabilities }) => {
    const possible = {
      elicitation: () => question('What is your name?', NAME),
      roots: () => inputRequired.listRoots(),
      sampling: () => prompt('Say hello', 50),
    };
    const wanted = Object.keys(possible).filter(name => name in capabilities && !(name in given));
    return wanted.length ? ask(Object.fromEntries(wanted.map(name => [name, possible[name]()]))) : says('all is said');
  });
}

function resources(server) {
  const fixed = (name, mimeType, body) =>
    server.registerResource(name, `test://${name}`, { mimeType, description: `Fixture: ${name}` }, async ({ href }) => ({
      contents: [{ uri: href, mimeType, ...body }],
    }));
  fixed('static-text', 'text/plain', { text: 'This is the content of the static text resource.' });
  fixed('static-binary', pixel.mimeType, { blob: pixel.data });
  fixed('watched-resource', 'text/plain', { text: 'Somebody may be watching.' });

  const mimeType = 'application/json';
  const template = new ResourceTemplate('test://template/{id}/data', { list: undefined });
  server.registerResource('template', template, { mimeType, description: 'Fixture: template' }, async ({ href }, { id }) => ({
    contents: [{ uri: href, mimeType, text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }],
  }));
}

function prompts(server) {
  const users = (...contents) => ({ messages: contents.map(content => ({ role: 'user', content })) });
  const prompt = (name, run, argsSchema) =>
    server.registerPrompt(name, { description: `Fixture: ${name}`, argsSchema }, run);
  const paris = completable(z.string(), start => ['paris', 'park', 'party'].filter(word => word.startsWith(start)));

  prompt('test_simple_prompt', async () => users(text('This is a simple prompt for testing.')));
  prompt('test_prompt_with_arguments',
    async ({ arg1, arg2 }) => users(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
    z.object({ arg1: paris, arg2: z.string() }));
  prompt('test_prompt_with_embedded_resource', async ({ resourceUri }) => users(
    embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.'),
    text('Please process the embedded resource above.'),
  ), z.object({ resourceUri: z.string() }));
  prompt('test_prompt_with_image', async () => users({ type: 'image', ...pixel }, text('Please analyze the image above.')));
  prompt('test_input_required_result_prompt', async ({ mcpReq }) => {
    const context = acceptedContent(mcpReq.inputResponses, 'user_context')?.context;
    if (typeof context === 'string') return users(text(`In the context of ${context}:`));
    const user_context = question('What context should the prompt use?', { context: string });
    return inputRequired({ inputRequests: { user_context } });
  });
}
