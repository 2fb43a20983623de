// The Inspector's command line: node inspector.mjs legacy|auto|modern PLAN stdio COMMAND… | http URL | sse URL
//
// It starts anew for every request, so it plays the first step of each kind that it has words for.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { era, kind, say, steps, target } from './play.mjs';

const program = join(process.env.PEERS, 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js');
const words = {
  tools: () => ['tools/list'],
  call: ({ name, arguments: given = {} }) =>
    ['tools/call', '--tool-name', name, '--tool-args-json', JSON.stringify(given)],
  read: ({ uri }) => ['resources/read', '--uri', uri],
  prompt: ({ name }) => ['prompts/get', '--prompt-name', name],
};

const home = mkdtempSync(join(tmpdir(), 'inspector-'));
const config = join(home, 'mcp.json');
const server = kind === 'stdio'
  ? { command: target[0], args: target.slice(1) }
  : { type: kind === 'sse' ? 'sse' : 'streamable-http', url: target[0] };
writeFileSync(config, JSON.stringify({ mcpServers: { journey: server } }));
say('era', era);
for (const step of steps.filter((step, at) => steps.findIndex(other => other.do === step.do) === at)) {
  const [method, ...more] = words[step.do]?.(step) ?? [];
  if (!method) continue;
  const flags = ['--config', config, '--server', 'journey', '--protocol-era', era, '--quiet', '--format', 'json'];
  const args = [program, '--cli', ...flags, '--method', method, ...more];
  const env = { ...process.env, HOME: home };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8', timeout: 15_000 });
  say(step.step, status === 0 ? JSON.parse(stdout) : { error: status, message: stderr });
}
rmSync(home, { recursive: true });
