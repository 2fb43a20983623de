// One fixed conversation with server-everything; prints what the client saw, one JSON line a step.
// What differs from run to run by nature (times, random ids) is blotted out, everything else must be equal.

const blot = text => text
  .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z?/g, '<time>')
  .replace(/\d{1,2}:\d\d:\d\d\s?(AM|PM)?/g, '<time>')
  .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, '<uuid>');

export const say = (step, saw) => console.log(blot(JSON.stringify({ step, saw })));

const failure = error => ({ error: error.constructor.name, code: error.code, message: error.message, data: error.data });

// `sdk` is what differs between the two SDK generations: { request(client, method, params), handle(client, method, answer), listen(client, method, hear) }
export async function converse(client, transport, sdk) {
  const asked = [];
  const heard = [];
  const answer = (method, result) => sdk.handle(client, method, params => { asked.push({ method, params }); return result; });
  answer('elicitation/create', { action: 'accept', content: { name: 'Ada', check: true, color: 'red', email: 'ada@example.com', firstLine: 'x' } });
  answer('sampling/createMessage', { role: 'assistant', model: 'none', content: { type: 'text', text: 'forty-two' } });
  answer('roots/list', { roots: [{ uri: 'file:///tmp/a', name: 'a' }] });
  sdk.listen(client, 'notifications/message', params => heard.push(params));

  const step = async (name, run) => {
    try { say(name, await run()); } catch (error) { say(name, failure(error)); }
  };
  const call = (name, args, options) => client.callTool({ name, arguments: args }, ...(options ? sdk.callOptions(options) : []));

  await step('connect', async () => { await client.connect(transport); return [client.getServerVersion(), client.getServerCapabilities(), client.getInstructions()]; });
  await step('ping', () => client.ping());
  await step('tools', () => client.listTools());
  await step('echo', () => call('echo', { message: 'plain' }));
  await step('echo unicode', () => call('echo', { message: 'é \u2028 \u0000 😀 "quoted" \\ end' }));
  await step('echo large', async () => { const got = await call('echo', { message: 'x'.repeat(300_000) }); return [got.content[0].text.length, got.content[0].text.slice(0, 20)]; });
  await step('sum', () => call('get-sum', { a: 2, b: 40 }));
  await step('structured', () => call('get-structured-content', { location: 'New York' }));
  await step('image', () => call('get-tiny-image', {}));
  await step('annotated', () => call('get-annotated-message', { messageType: 'error', includeImage: true }));
  await step('links', () => call('get-resource-links', { count: 3 }));
  await step('reference', () => call('get-resource-reference', { resourceType: 'Text', resourceId: 2 }));
  await step('wrong arguments', () => call('get-sum', { a: 'two' }));
  await step('unknown tool', () => call('no-such-tool', {}));
  await step('unknown method', () => sdk.request(client, 'no/such/method', {}));
  const progress = [];
  await step('long', () => call('trigger-long-running-operation', { duration: 0.4, steps: 4 }, { onprogress: p => progress.push(p) }));
  // Over HTTP this server tells progress on another stream than the answer, so the last one may come later.
  say('progress', progress.slice(0, 3));
  await step('elicitation', () => call('trigger-elicitation-request', {}));
  await step('sampling', () => call('trigger-sampling-request', { prompt: 'meaning?', maxTokens: 10 }));
  await step('roots', () => call('get-roots-list', {}));
  // Whether this server asks for the roots once or twice is a race inside of it.
  say('asked of the client', [...new Set(asked.map(one => JSON.stringify(one)))].sort());
  await step('level', () => client.setLoggingLevel('debug'));
  await step('resources', async () => (await client.listResources()).resources.length);
  await step('templates', () => client.listResourceTemplates());
  await step('read text', () => client.readResource({ uri: 'demo://resource/dynamic/text/1' }));
  await step('read blob', async () => { const got = await client.readResource({ uri: 'demo://resource/dynamic/blob/2' }); return [got.contents.length, Object.keys(got.contents[0])]; });
  await step('read unknown', () => client.readResource({ uri: 'demo://nothing/here' }));
  await step('subscribe', () => client.subscribeResource({ uri: 'demo://resource/dynamic/text/1' }));
  await step('unsubscribe', () => client.unsubscribeResource({ uri: 'demo://resource/dynamic/text/1' }));
  await step('prompts', () => client.listPrompts());
  await step('prompt', () => client.getPrompt({ name: 'simple-prompt' }));
  await step('prompt with arguments', () => client.getPrompt({ name: 'args-prompt', arguments: { city: 'Paris', state: 'Texas' } }));
  await step('prompt without them', () => client.getPrompt({ name: 'args-prompt' }));
  await step('completion', () => client.complete({ ref: { type: 'ref/prompt', name: 'completable-prompt' }, argument: { name: 'department', value: 'E' } }));
  await step('parallel', () => Promise.all([1, 2, 3, 4, 5, 6].map(n => call('get-sum', { a: n, b: n }))));
  await step('cancel', () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort('enough'), 100);
    return call('trigger-long-running-operation', { duration: 5, steps: 5 }, { signal: stop.signal });
  });
  await step('timeout', () => call('trigger-long-running-operation', { duration: 5, steps: 5 }, { timeout: 150 }));
  await step('after all that', () => call('echo', { message: 'still here' }));
  await step('end session', () => transport.terminateSession?.());
  await step('close', () => client.close());
}
