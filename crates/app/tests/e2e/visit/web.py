# A server over Streamable HTTP with the faults that the first argument names, on a free port of loopback.
import json, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

faults = set(sys.argv[1].split(','))
TOOL = {'name': 'echo', 'description': 'Says it again.', 'inputSchema': {'type': 'object', 'properties': {}}}
META = 'io.modelcontextprotocol/protocolVersion'
sessions, issued = set(), []

class Server(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def reply(self, status, body=None, headers={}):
        data = b'' if body is None else json.dumps(body).encode()
        if 'streams' in faults and body is not None and status == 200:
            data = b'id: 1\ndata: \n\ndata: ' + data + b'\n\n'
            headers = {**headers, 'Content-Type': 'text/event-stream'}
        elif body is not None:
            headers = {**headers, 'Content-Type': 'application/json'}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def answer(self, result, headers={}):
        self.reply(200, {'jsonrpc': '2.0', 'id': self.id, 'result': result}, headers)

    def fail(self, status, code, text):
        self.reply(status, {'jsonrpc': '2.0', 'id': self.id, 'error': {'code': code, 'message': text}})

    def do_GET(self):
        noise = {'comments': b': ping\n\n' * 8000,
                 'events': b'data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}\n\n' * 10}
        for name, text in noise.items():
            if name in faults:
                self.send_response(200)
                self.send_header('Content-Type', 'text/event-stream')
                self.send_header('Connection', 'close')
                self.end_headers()
                try:
                    while True:
                        self.wfile.write(text)
                except OSError:
                    return
        self.reply(405)

    def do_DELETE(self):
        if 'no-delete' in faults:
            return self.reply(405)
        if 'deaf-to-delete' not in faults:
            sessions.discard(self.headers.get('Mcp-Session-Id'))
        self.reply(200)

    def do_POST(self):
        said = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        self.id = said.get('id')
        method, params = said['method'], said.get('params', {})
        if 'login' in faults and not self.headers.get('Authorization'):
            return self.reply(401, {'error': 'invalid_token'}, {'WWW-Authenticate': 'Bearer realm="example"'})
        if self.headers.get('Origin') and 'any-page' not in faults:
            return self.fail(403, -32000, 'foreign origin')
        if 'nowhere' in faults:
            return self.reply(404)
        if 'hangs' in faults:
            time.sleep(1000)
        for fault, text in {'rude': 'not tapgate: go away', 'echoes': 'no %s here' % self.headers.get('X-Team-Thing')}.items():
            if fault in faults:
                return self.fail(400, -32000, text)
        revision = params.get('_meta', {}).get(META)
        if revision and 'shrugs' in faults:
            return self.answer({})
        if revision:
            if 'modern' not in faults:
                return self.fail(400, -32600, 'not initialized')
            return self.modern(method, revision)
        if method == 'initialize':
            session = 's%d' % len(issued)
            issued.append(session)
            sessions.add(session)
            result = {'protocolVersion': params['protocolVersion'], 'capabilities': {'tools': {}}, 'serverInfo': {'name': 'web', 'version': '1'}}
            return self.answer(result, {} if 'stateless' in faults else {'Mcp-Session-Id': session})
        session = self.headers.get('Mcp-Session-Id')
        is_known = session in sessions or (session == 'tapgate-no-such-session' and 'any-session' in faults)
        if 'stateless' not in faults and not is_known:
            return self.fail(404, -32001, 'session not found')
        if self.headers.get('MCP-Protocol-Version') == '1900-01-01' and 'any-revision' not in faults:
            return self.fail(400, -32000, 'unsupported version')
        if self.id is None:
            return self.reply(202)
        self.call(method, {})

    def modern(self, method, revision):
        if revision != '2026-07-28' and 'any-revision' not in faults:
            return self.fail(400, -32022, 'unsupported version')
        if self.headers.get('Mcp-Method') != method and 'any-header' not in faults:
            return self.fail(400, -32020, 'header mismatch')
        self.call(method, {'resultType': 'complete', 'ttlMs': 0, 'cacheScope': 'private'})

    def call(self, method, more):
        if method == 'ping':
            self.answer({})
        elif method == 'server/discover':
            self.answer({'supportedVersions': ['2026-07-28'], 'capabilities': {'tools': {}}, **more})
        elif method == 'tools/list':
            self.answer({'tools': [TOOL], **more})
        elif 'any-method' in faults:
            self.answer({})
        else:
            self.fail(404 if more else 200, -32601, 'method not found')

server = ThreadingHTTPServer(('127.0.0.1', 0), Server)
server.daemon_threads = True
print('http://127.0.0.1:%d/mcp' % server.server_address[1], flush=True)
server.serve_forever()
