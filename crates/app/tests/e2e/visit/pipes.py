# A server on pipes with one fault, which the first argument names.
import json, sys, time

fault = sys.argv[1]
TOOL = {'name': 'echo', 'description': 'Says it again.', 'inputSchema': {'type': 'object', 'properties': {}}}
NOISE = {'method': 'notifications/message', 'params': {'level': 'info', 'data': 'x'}}

def say(message):
    sys.stdout.write(json.dumps({'jsonrpc': '2.0', **message}) + '\n')
    sys.stdout.flush()

def say_bytes(text):
    sys.stdout.buffer.write(text + b'\n')
    sys.stdout.buffer.flush()

def tools(ask, cursor):
    i = json.dumps(ask['id']).encode()
    while fault == 'flood':
        say(NOISE)
    if fault == 'deep':
        return say_bytes(b'{"jsonrpc":"2.0","id":%s,"result":{"tools":%s%s}}' % (i, b'[' * 5000, b']' * 5000))
    if fault == 'no-unicode':
        return say_bytes(b'{"jsonrpc":"2.0","id":%s,"result":{"tools":[{"name":"\xff"}]}}' % i)
    if fault == 'giant':
        return say({'id': ask['id'], 'result': {'tools': [dict(TOOL, description='z' * 12000000)]}})
    if fault == 'large':
        return say({'id': ask['id'], 'result': {'tools': [dict(TOOL, name='t%d' % n, description='word ' * 400) for n in range(600)]}})
    page = {'tools': [TOOL]}
    if fault == 'loop':
        page['nextCursor'] = 'a'
    if fault == 'round':
        page['nextCursor'] = 'b' if cursor == 'a' else 'a'
    say({'id': ask['id'], 'result': page})

if fault == 'dies':
    sys.exit(3)
if fault == 'silent':
    time.sleep(1000)
if fault == 'asks':
    for n in range(100000):
        say({'id': n, 'result': {}})
        say({'id': 'ping-%d' % n, 'method': 'ping'})
while fault == 'flood-before':
    say(NOISE)
while fault == 'flood-stderr':
    sys.stderr.write('x' * 1000 + '\n')
for line in sys.stdin:
    try:
        ask = json.loads(line)
    except ValueError:
        if fault == 'brittle':
            raise
        continue
    if 'id' not in ask:
        continue
    params = ask.get('params', {})
    if fault == 'deep-greeting':
        say_bytes(b'{"jsonrpc":"2.0","id":%d,"result":%s%s}' % (ask['id'], b'[' * 5000, b']' * 5000))
    elif ask['method'] == 'initialize':
        say({'id': ask['id'], 'result': {'protocolVersion': params['protocolVersion'], 'capabilities': {'tools': {}}, 'serverInfo': {'name': 'pipes', 'version': '1'}}})
    elif ask['method'] == 'ping':
        if fault == 'leaves':
            sys.exit(0)
        say({'id': ask['id'], 'result': {}})
    elif ask['method'] == 'tools/list':
        tools(ask, params.get('cursor'))
    else:
        say({'id': ask['id'], 'error': {'code': -32601, 'message': 'method not found'}})
if fault == 'lingers':
    time.sleep(1000)
