// The official packages, from where `cargo xtask setup` put them.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(new URL('../../.setup/node/package.json', import.meta.url));

export const load = name => import(pathToFileURL(require.resolve(name)));
export const pause = ms => new Promise(resolve => setTimeout(resolve, ms));
