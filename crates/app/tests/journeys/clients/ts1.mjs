// The TypeScript SDK 1.x: node ts1.mjs legacy PLAN stdio COMMAND… | http URL | sse URL
import { capabilities, kind, load, play, target } from './play.mjs';

const { Client } = await load('@modelcontextprotocol/sdk/client/index.js');
const types = await load('@modelcontextprotocol/sdk/types.js');

const schemas = {
  'elicitation/create': types.ElicitRequestSchema,
  'sampling/createMessage': types.CreateMessageRequestSchema,
  'roots/list': types.ListRootsRequestSchema,
  'notifications/message': types.LoggingMessageNotificationSchema,
  'notifications/tools/list_changed': types.ToolListChangedNotificationSchema,
};
const transports = {
  async stdio() {
    const { StdioClientTransport } = await load('@modelcontextprotocol/sdk/client/stdio.js');
    return new StdioClientTransport({ command: target[0], args: target.slice(1), env: process.env, stderr: 'ignore' });
  },
  async http() {
    const { StreamableHTTPClientTransport } = await load('@modelcontextprotocol/sdk/client/streamableHttp.js');
    return new StreamableHTTPClientTransport(new URL(target[0]));
  },
  async sse() {
    const { SSEClientTransport } = await load('@modelcontextprotocol/sdk/client/sse.js');
    return new SSEClientTransport(new URL(target[0]));
  },
};
const client = new Client({ name: 'journey', version: '1.0.0' }, { capabilities });
await play(client, await transports[kind](), {
  isModern: () => false,
  request: (request, options) => client.request(request, types.ResultSchema, options),
  handle: (method, answer) => client.setRequestHandler(schemas[method], request => answer(request.params)),
  listen: (method, hear) => client.setNotificationHandler(schemas[method], note => hear(note.params)),
  call: (params, options) => client.callTool(params, undefined, options),
  task: params => client.experimental.tasks.callToolStream(params),
});
