// Plays a plan with a client of either TypeScript SDK and prints what the client saw, one JSON line a step.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(`${process.env.PEERS}/package.json`);
export const load = name => import(pathToFileURL(require.resolve(name)));

export const [era, plan, kind, ...target] = process.argv.slice(2);
export const capabilities = { elicitation: {}, sampling: {}, roots: { listChanged: true } };
const folder = process.env.FOLDER;
export const steps = JSON.parse(readFileSync(plan, 'utf8').replaceAll('<folder>', folder));

const answers = {
  'elicitation/create': { action: 'accept', content: { name: 'Ada', check: true, color: 'red', email: 'ada@example.com', firstLine: 'x', username: 'Ada' } },
  'sampling/createMessage': { role: 'assistant', model: 'none', content: { type: 'text', text: 'forty-two' } },
  'roots/list': { roots: [{ uri: 'file:///tmp/a', name: 'a' }] },
};
// The SDK's own remarks are not steps.
console.debug = console.error;
// A step that gets no answer fails alone, so that the report says which.
const options = { timeout: 10_000 };
const pause = ms => new Promise(resolve => setTimeout(resolve, ms));
// What differs from run to run by nature (the folder, times, random ids) is blotted out, everything else must be equal.
const blot = text => text
  .replaceAll(folder, '<folder>')
  .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z?/g, '<time>')
  .replace(/\d{1,2}:\d\d:\d\d\s?(AM|PM)?/g, '<time>')
  .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, '<uuid>');
export const say = (step, saw) => console.log(blot(JSON.stringify({ step, saw })));
const failure = error => {
  // The SDK 2.x calls an answer with an HTTP status of its own an HTTP error, on stdio it is the same answer.
  const { code, message, data } = error.data?.status ? JSON.parse(error.data.text).error : error;
  return { error: code, message, data };
};

// `sdk` is what differs between the generations: connect, request, handle, listen, call and isModern.
export async function play(client, transport, sdk) {
  const [asked, heard] = [[], []];
  for (const [method, result] of Object.entries(answers)) {
    sdk.handle(method, params => { asked.push(JSON.stringify({ method, params })); return result; });
  }
  let changes = 0;
  sdk.listen('notifications/message', params => heard.push(JSON.stringify(params)));
  sdk.listen('notifications/tools/list_changed', () => { changes += 1; });
  let meta;
  const call = ({ name, arguments: given = {} }, more) =>
    sdk.call({ name, arguments: given, ...(meta && { _meta: meta }) }, { ...options, ...more });

  const deeds = {
    ping: () => client.ping(options),
    tools: () => client.listTools(undefined, options),
    call,
    large: async ({ name, size }) => {
      const { content: [{ text }] } = await call({ name, arguments: { message: 'x'.repeat(size) } });
      return [text.length, text.slice(0, 20)];
    },
    unknown: () => sdk.request({ method: 'no/such/method', params: {} }, options),
    progress: async step => {
      const told = [];
      const result = await call(step, { onprogress: one => told.push(one) });
      // Over HTTP some servers tell progress on another stream than the answer, so the last one may come later.
      return [result, told.slice(0, step.most)];
    },
    // Whether a server asks once or twice is a race inside some of them.
    asked: async () => [...new Set(asked)].sort(),
    heard: async () => { await pause(200); return heard.splice(0).sort(); },
    level: async () => {
      if (!sdk.isModern()) return client.setLoggingLevel('debug', options);
      meta = { 'io.modelcontextprotocol/logLevel': 'debug' };
      return {};
    },
    resources: () => client.listResources(undefined, options),
    templates: () => client.listResourceTemplates(undefined, options),
    read: ({ uri }) => client.readResource({ uri }, options),
    subscribe: ({ uri }) => client.subscribeResource({ uri }, options),
    unsubscribe: ({ uri }) => client.unsubscribeResource({ uri }, options),
    prompts: () => client.listPrompts(undefined, options),
    prompt: ({ name, arguments: given }) => client.getPrompt({ name, arguments: given }, options),
    complete: ({ prompt, argument, value }) =>
      client.complete({ ref: { type: 'ref/prompt', name: prompt }, argument: { name: argument, value } }, options),
    parallel: ({ name, many }) => Promise.all(many.map(given => call({ name, arguments: given }))),
    // A task, from its creation to its result, as the SDK tells it.
    task: async step => {
      const told = [];
      for await (const { type, task, result, error } of sdk.task({ name: step.name, arguments: step.arguments ?? {} })) {
        told.push([type, task?.status ?? result ?? String(error)]);
      }
      return told;
    },
    cancel: step => {
      const stop = new AbortController();
      setTimeout(() => stop.abort('enough'), step.after);
      return call(step, { signal: stop.signal });
    },
    changed: async step => {
      const subscription = sdk.isModern() ? await client.listen({ toolsListChanged: true }, options) : undefined;
      const before = changes;
      await call(step);
      for (let waited = 0; changes === before && waited < 2000; waited += 20) await pause(20);
      await subscription?.close();
      return changes > before ? 'heard of it' : 'heard nothing';
    },
    close: async () => {
      await transport.terminateSession?.();
      await client.close();
    },
  };

  for (const step of steps) {
    try {
      if (step.step === 'connect') {
        await client.connect(transport, options);
        say('era', sdk.isModern() ? 'modern' : 'legacy');
        say('connect', [client.getServerVersion(), client.getServerCapabilities(), client.getInstructions()]);
      } else if (step.era === 'legacy' && sdk.isModern()) {
        say(step.step, 'not said by this client');
      } else {
        say(step.step, await deeds[step.do](step));
      }
    } catch (error) {
      say(step.step, failure(error));
      if (step.step === 'connect') break;
    }
  }
  process.exit(0);
}
