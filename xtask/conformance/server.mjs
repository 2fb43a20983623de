// The server that the official conformance suite asks for: node server.mjs stdio|http [--era legacy|modern|both]
//
// One description (offer.mjs) serves both eras, so a server of one era alone is a fair upstream for a bridge.
// On http it picks a free port of loopback and prints its URL.
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { load } from './load.mjs';
import { offer } from './offer.mjs';

const { WebStandardStreamableHTTPServerTransport, createMcpHandler, isInitializeRequest, isLegacyRequest } =
  await load('@modelcontextprotocol/server');

const { positionals: [kind], values: { era } } =
  parseArgs({ allowPositionals: true, options: { era: { type: 'string', default: 'both' } } });
if (!['legacy', 'modern', 'both'].includes(era)) throw new Error(`no such era: ${era}`);

if (kind === 'stdio') {
  await onStdio();
} else if (kind === 'http') {
  await onHttp();
} else {
  throw new Error('say stdio or http');
}

async function onStdio() {
  const { StdioServerTransport, serveStdio } = await load('@modelcontextprotocol/server/stdio');
  if (era === 'legacy') return offer({ era }).connect(new StdioServerTransport());
  return serveStdio(offer, { legacy: era === 'both' ? 'serve' : 'reject' });
}

async function onHttp() {
  const { localhostHostValidation, localhostOriginValidation, toNodeHandler } =
    await load('@modelcontextprotocol/node');
  const modern = createMcpHandler(context => offer(context, modern.notify), { legacy: 'reject' });
  const route = {
    legacy: () => true,
    modern: () => false,
    both: isLegacyRequest,
  }[era];
  const serve = toNodeHandler({
    fetch: async request => (await route(request) ? inSession(request) : modern.fetch(request)),
  });
  const guards = [localhostHostValidation(), localhostOriginValidation()];
  const http = createServer((request, response) => {
    if (!request.url.startsWith('/mcp')) return response.writeHead(404).end();
    if (guards.every(guard => guard(request, response))) return serve(request, response);
  });
  http.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${http.address().port}/mcp`));
}

const sessions = new Map();

// The legacy era keeps a server and a transport for each session, from `initialize` to DELETE.
async function inSession(request) {
  const id = request.headers.get('mcp-session-id');
  if (id !== null) {
    const known = sessions.get(id);
    return known ? known.handleRequest(request) : refuse(404, -32001, 'Session not found');
  }
  const body = request.method === 'POST' ? await request.clone().json().catch(() => null) : undefined;
  // What is not JSON the transport refuses in its own words.
  if (body !== null && !isInitializeRequest(body)) return refuse(400, -32000, 'Bad Request: no session id', body?.id);
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    eventStore: events(),
    retryInterval: 300,
    onsessioninitialized: given => { sessions.set(given, transport); },
    onsessionclosed: given => { sessions.delete(given); },
  });
  await offer({ era: 'legacy' }).connect(transport);
  return transport.handleRequest(request);
}

const refuse = (status, code, message, id = null) =>
  Response.json({ jsonrpc: '2.0', id, error: { code, message } }, { status });

// Every event of a session, so that a stream that broke can be resumed; the number in the id is its place.
function events() {
  const log = [];
  const place = id => Number(id.slice(1));
  return {
    async storeEvent(stream, message) {
      return `e${log.push({ stream, message }) - 1}`;
    },
    async getStreamIdForEventId(id) {
      return log[place(id)]?.stream;
    },
    async replayEventsAfter(id, { send }) {
      const stream = log[place(id)]?.stream;
      for (const [at, event] of log.entries()) {
        // An event without a message only opened its stream.
        if (at > place(id) && event.stream === stream && event.message.jsonrpc) await send(`e${at}`, event.message);
      }
      return stream;
    },
  };
}
