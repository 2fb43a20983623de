// An HTTP relay on loopback that changes one thing: node relay.mjs TARGET PATTERN NAME VALUE request|response
// The header NAME gets VALUE, or goes if that is empty, where the request's body matches PATTERN.
import { createServer, request } from 'node:http';

const [target, pattern, name, value, where] = process.argv.slice(2);
const change = headers => {
  if (value) headers[name] = value; else delete headers[name];
};
const server = createServer((asked, answer) => {
  const body = [];
  asked.on('data', piece => body.push(piece));
  asked.on('end', () => {
    const isMeant = new RegExp(pattern).test(Buffer.concat(body).toString());
    const headers = { ...asked.headers, host: new URL(target).host };
    if (isMeant && where === 'request') change(headers);
    const onward = request(new URL(asked.url, target), { method: asked.method, headers, agent: false }, answered => {
      const back = { ...answered.headers };
      if (isMeant && where === 'response') change(back);
      answer.writeHead(answered.statusCode, back);
      answer.flushHeaders();
      answered.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    onward.end(Buffer.concat(body));
  });
});
server.listen(0, '127.0.0.1', () => console.error(`listening on port ${server.address().port}`));
