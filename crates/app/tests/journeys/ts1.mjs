// The conversation with the TypeScript SDK 1.x: node ts1.mjs stdio COMMAND… | http URL
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { converse } from './scenario.mjs';

const require = createRequire(`${process.env.PEERS}/package.json`);
const load = name => import(pathToFileURL(require.resolve(name)));
const { Client } = await load('@modelcontextprotocol/sdk/client/index.js');
const types = await load('@modelcontextprotocol/sdk/types.js');

const schemas = {
  'elicitation/create': types.ElicitRequestSchema,
  'sampling/createMessage': types.CreateMessageRequestSchema,
  'roots/list': types.ListRootsRequestSchema,
  'notifications/message': types.LoggingMessageNotificationSchema,
};
const [kind, ...target] = process.argv.slice(2);
let transport;
if (kind === 'stdio') {
  const { StdioClientTransport } = await load('@modelcontextprotocol/sdk/client/stdio.js');
  transport = new StdioClientTransport({ command: target[0], args: target.slice(1), env: process.env, stderr: 'ignore' });
} else {
  const { StreamableHTTPClientTransport } = await load('@modelcontextprotocol/sdk/client/streamableHttp.js');
  transport = new StreamableHTTPClientTransport(new URL(target[0]));
}
const client = new Client({ name: 'journey', version: '1.0.0' }, { capabilities: { elicitation: {}, sampling: {}, roots: { listChanged: true } } });
await converse(client, transport, {
  request: (client, method, params) => client.request({ method, params }, types.ResultSchema),
  handle: (client, method, answer) => client.setRequestHandler(schemas[method], request => answer(request.params)),
  listen: (client, method, hear) => client.setNotificationHandler(schemas[method], note => hear(note.params)),
  callOptions: options => [undefined, options],
});
process.exit(0);
