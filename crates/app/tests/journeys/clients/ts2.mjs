// The TypeScript SDK 2.x: node ts2.mjs legacy|auto|modern PLAN stdio COMMAND… | http URL
import { capabilities, era, kind, load, play, target } from './play.mjs';

const { Client, SSEClientTransport, StreamableHTTPClientTransport } = await load('@modelcontextprotocol/client');
const transports = {
  async stdio() {
    const { StdioClientTransport } = await load('@modelcontextprotocol/client/stdio');
    return new StdioClientTransport({ command: target[0], args: target.slice(1), env: process.env, stderr: 'ignore' });
  },
  http: async () => new StreamableHTTPClientTransport(new URL(target[0])),
  sse: async () => new SSEClientTransport(new URL(target[0])),
};
const mode = era === 'modern' ? { pin: '2026-07-28' } : era;
const client = new Client({ name: 'journey', version: '2.0.0' }, { capabilities, versionNegotiation: { mode } });
const anything = { '~standard': { version: 1, vendor: 'journey', validate: value => ({ value }) } };
await play(client, await transports[kind](), {
  isModern: () => client.getProtocolEra() === 'modern',
  request: (request, options) => client.request(request, anything, options),
  handle: (method, answer) => client.setRequestHandler(method, request => answer(request.params)),
  listen: (method, hear) => client.setNotificationHandler(method, note => hear(note.params)),
  call: (params, options) => client.callTool(params, options),
});
