// The conversation with the TypeScript SDK 2.x: node ts2.mjs stdio COMMAND… | http URL
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { converse } from './scenario.mjs';

const require = createRequire(`${process.env.PEERS}/package.json`);
const load = name => import(pathToFileURL(require.resolve(name)));
const { Client, StreamableHTTPClientTransport } = await load('@modelcontextprotocol/client');

const [kind, ...target] = process.argv.slice(2);
let transport;
if (kind === 'stdio') {
  const { StdioClientTransport } = await load('@modelcontextprotocol/client/stdio');
  transport = new StdioClientTransport({ command: target[0], args: target.slice(1), env: process.env, stderr: 'ignore' });
} else {
  transport = new StreamableHTTPClientTransport(new URL(target[0]));
}
const client = new Client({ name: 'journey', version: '2.0.0' }, { capabilities: { elicitation: {}, sampling: {}, roots: { listChanged: true } } });
const anything = { '~standard': { version: 1, vendor: 'journey', validate: value => ({ value }) } };
await converse(client, transport, {
  request: (client, method, params) => client.request({ method, params }, anything),
  handle: (client, method, answer) => client.setRequestHandler(method, request => answer(request.params)),
  listen: (client, method, hear) => client.setNotificationHandler(method, note => hear(note.params)),
  callOptions: options => [options],
});
process.exit(0);
