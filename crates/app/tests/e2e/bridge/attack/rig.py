"""What the attacks share: a tap, servers and clients that say any bytes, and a limit for everything."""

import ctypes
import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

TAPGATE = os.environ["TAPGATE"]
HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 30
TAPS = []
MB = 1 << 20


def check(condition, *what):
    """Fails with what was seen."""
    if not condition:
        raise AssertionError(" ".join(repr(one)[:2000] for one in what))


def eventually(condition, patience=PATIENCE):
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


def die_with_parent():
    """No tap outlives its test."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def child(mode, *args):
    """The command of a scripted server on stdio."""
    return [sys.executable, os.path.join(HERE, "child.py"), mode, *map(str, args)]


class Tap:
    """A running bridge."""

    def __init__(self, *args, env=None, **more):
        self.home = tempfile.mkdtemp(prefix="attack-")
        env = {**os.environ, "TAPGATE_HOME": self.home, **(env or {})}
        env = {k: v for k, v in env.items() if not k.lower().endswith("_proxy")}
        pipe = subprocess.PIPE
        command = [TAPGATE, "tap", *map(str, args)]
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, env=env, preexec_fn=die_with_parent, **more
        )
        self.pid = self.process.pid
        TAPS.append(self)
        self.stderr = b""
        self.port = None
        self.lines = queue.Queue()
        self.rest = []
        threading.Thread(target=self._drain, daemon=True).start()
        if "--listen" in args:
            found = []

            def says_port():
                found[:] = re.findall(rb"http://127\.0\.0\.1:(\d+)", self.stderr)
                return found or self.process.poll() is not None

            check(eventually(says_port) and found, "no port", self.stderr)
            self.port = int(found[0])

    def _drain(self):
        while piece := os.read(self.process.stderr.fileno(), 65536):
            self.stderr = (self.stderr + piece)[-4 * MB :]

    def read_lines(self):
        """Begins to read standard output; a client that never reads does not call it."""

        def read():
            for line in self.process.stdout:
                self.lines.put(line)
            self.lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        return self

    def say(self, message):
        raw = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.process.stdin.write(raw + b"\n")
        self.process.stdin.flush()

    def line(self, patience=PATIENCE):
        line = self.lines.get(timeout=patience)
        check(line is not None, "the tap ended", self.stderr)
        return line

    def answer(self, id, patience=PATIENCE):
        """The line that answers `id`, and nothing else in between but what carries no id."""
        while True:
            line = self.line(patience)
            message = json.loads(line)
            if "method" not in message and message.get("id") == id:
                return message
            self.rest.append(message)

    def ask(self, id, method, params=None, patience=PATIENCE):
        self.say({"jsonrpc": "2.0", "id": id, "method": method, "params": params or {}})
        return self.answer(id, patience)

    def greet(self, revision="2025-06-18"):
        answer = self.ask("greeting", "initialize", hello(revision))
        self.say({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer

    def status(self, name):
        with open(f"/proc/{self.pid}/status") as status:
            found = re.search(rf"{name}:\s+(\d+) kB", status.read())
        return int(found[1]) * 1024

    def rss(self):
        return self.status("VmRSS")

    def peak(self):
        return self.status("VmHWM")

    def forget_peak(self):
        with open(f"/proc/{self.pid}/clear_refs", "w") as refs:
            refs.write("5")

    def children(self):
        """Servers; the tap's own guard is none."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as file:
            pids = [int(pid) for pid in file.read().split()]
        return [pid for pid in pids if is_server(pid)]

    def end(self, code=0):
        """Ends the tap as a person does, and checks how."""
        if self.process.poll() is None:
            if self.port is None:
                try:
                    self.process.stdin.close()
                except BrokenPipeError:
                    pass
            else:
                self.process.send_signal(signal.SIGTERM)
        check(self.process.wait(PATIENCE) == code, "status", self.process.returncode, self.stderr)
        check(b"panicked" not in self.stderr, self.stderr)


def is_server(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return b"child.py" in file.read()
    except OSError:
        return False


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def hello(revision="2025-06-18", capabilities=None):
    info = {"name": "attacker", "version": "1"}
    return {"protocolVersion": revision, "capabilities": capabilities or {}, "clientInfo": info}


META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "attacker", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def modern(id, method, **params):
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": {"_meta": META, **params}}


def modern_headers(method, name=None, version="2026-07-28"):
    headers = [("MCP-Protocol-Version", version), ("Mcp-Method", method)]
    return headers + ([("Mcp-Name", name)] if name is not None else [])


def call(id, name, **arguments):
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self):
        return f"Reply({self.status}, {self.headers}, {self.body[:600]!r})"

    @property
    def messages(self):
        """The messages of a body, whether it is JSON or events."""
        if b"text/event-stream" not in self.headers.get("content-type", "").encode():
            return [json.loads(self.body)] if self.body else []
        data = [line[5:].strip() for line in self.body.splitlines() if line.startswith(b"data:")]
        return [json.loads(one) for one in data if one]

    def answer(self):
        found = [m for m in self.messages if "method" not in m]
        check(len(found) == 1, "not one answer", self)
        return found[0]


def connect(port, patience=PATIENCE):
    return socket.create_connection(("127.0.0.1", port), timeout=patience)


def read_head(file):
    first = file.readline()
    if not first:
        return None, {}
    headers = {}
    while (line := file.readline().rstrip(b"\r\n")) != b"":
        name, _, value = line.partition(b":")
        headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
    return first.strip().decode("latin-1"), headers


def read_body(file, headers, is_answer=True):
    if "chunked" in headers.get("transfer-encoding", ""):
        body = bytearray()
        while size := int(file.readline().split(b";")[0] or b"0", 16):
            body += file.read(size)
            file.readline()
        file.readline()
        return bytes(body)
    if "content-length" in headers:
        return file.read(int(headers["content-length"]))
    return file.read() if is_answer else b""


def raw_request(port, raw, patience=PATIENCE):
    """Sends these bytes and reads one answer."""
    with connect(port, patience) as sock:
        try:
            sock.sendall(raw)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return read_reply(sock)


def read_reply(sock):
    file = sock.makefile("rb")
    first, headers = read_head(file)
    check(first is not None, "the tap closed the connection without an answer")
    return Reply(int(first.split()[1]), headers, read_body(file, headers))


def request_bytes(method, path, headers=(), body=b"", close=True):
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    lines += ["Connection: close"] if close else []
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


JSON = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")]


def post(port, message, headers=(), path="/mcp", patience=PATIENCE):
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return raw_request(port, request_bytes("POST", path, [*JSON, *headers], body), patience)


class Session:
    """A client of Streamable HTTP to 2025-11-25."""

    def __init__(self, port, headers=(), revision="2025-06-18", path="/mcp", capabilities=None):
        self.port, self.path, self.own = port, path, list(headers)
        ask = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello(revision, capabilities)}
        self.greeting = post(port, ask, headers, path)
        check(self.greeting.status == 200 and "result" in self.greeting.answer(), self.greeting)
        self.id = self.greeting.headers["mcp-session-id"]
        ready = self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        check(ready.status == 202, ready)

    def headers(self):
        return [*self.own, ("Mcp-Session-Id", self.id)]

    def post(self, message, patience=PATIENCE):
        return post(self.port, message, self.headers(), self.path, patience)

    def delete(self):
        return raw_request(self.port, request_bytes("DELETE", self.path, self.headers()))


class Request:
    def __init__(self, first, headers, body):
        self.method, self.path, _ = first.split(" ", 2)
        self.headers, self.body = headers, body
        try:
            message = json.loads(body.decode("utf-8")) if body else {}
        except (ValueError, RecursionError):
            message = {}
        self.message = message if isinstance(message, dict) else {}
        self.rpc = self.message.get("method")
        self.id = self.message.get("id")
        params = self.message.get("params")
        self.tool = params.get("name") if isinstance(params, dict) else None


class Server:
    """An HTTP server that answers with any bytes: `handle(request, sock)` returns them or writes them itself."""

    def __init__(self, handle, port=0):
        self.handle = handle
        self.requests = []
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen(256)
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self.open = set()
        self.is_over = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            if self.is_over:
                sock.close()
                return
            self.open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            file = sock.makefile("rb")
            while True:
                first, headers = read_head(file)
                if first is None:
                    return
                request = Request(first, headers, read_body(file, headers, is_answer=False))
                self.requests.append(request)
                answer = self.handle(request, sock)
                if answer is None:
                    return
                sock.sendall(answer)
        except OSError:
            pass
        finally:
            self.open.discard(sock)
            sock.close()

    def stop(self):
        """Ends like a process that is killed: nobody listens, every connection breaks."""
        self.is_over = True
        # A thread in accept() keeps the socket alive until somebody comes.
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            pass
        self.socket.close()
        for sock in list(self.open):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def asked(self, rpc):
        return [request for request in self.requests if request.rpc == rpc]


def http(status, body=b"", headers=(), kind="application/json"):
    lines = [f"HTTP/1.1 {status}"]
    lines += [f"Content-Type: {kind}"] if kind and body else []
    lines += [f"{name}: {value}" for name, value in headers]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def ok(message, headers=()):
    return http("200 OK", message if isinstance(message, bytes) else json.dumps(message).encode(), headers)


def result(id, value):
    return {"jsonrpc": "2.0", "id": id, "result": value}


def text(words):
    return {"content": [{"type": "text", "text": words}]}


SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def legacy(tools, session="far"):
    """A server of 2025-06-18; `tools(request, sock)` answers calls."""
    sessions = iter(range(1, 1 << 40))

    def handle(request, sock):
        if request.method == "DELETE":
            return http("200 OK")
        if request.method != "POST":
            return http("405 Method Not Allowed")
        if request.rpc == "initialize":
            info = {"name": "far", "version": "2"}
            revision = request.message["params"]["protocolVersion"]
            greeting = {"protocolVersion": revision, "capabilities": {"tools": {}}, "serverInfo": info}
            id = [("Mcp-Session-Id", f"{session}-{next(sessions)}")] if session else []
            return ok(result(request.id, greeting), id)
        if request.rpc == "tools/call":
            return tools(request, sock)
        if request.rpc == "tools/list":
            schema = {"type": "object"}
            return ok(result(request.id, {"tools": [{"name": "fine", "inputSchema": schema}]}))
        if request.id is None:
            return http("202 Accepted")
        error = {"code": -32601, "message": f"no {request.rpc} here"}
        return ok({"jsonrpc": "2.0", "id": request.id, "error": error})

    return handle


def modern_server(tools, schema=None):
    """A server of 2026-07-28."""

    def handle(request, sock):
        if request.method != "POST":
            return http("405 Method Not Allowed")
        if request.rpc == "server/discover":
            value = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
            value |= {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
            return ok(result(request.id, value))
        if request.rpc == "tools/call":
            return tools(request, sock)
        if request.rpc == "tools/list":
            tool = {"name": "fine", "inputSchema": schema or {"type": "object"}}
            value = {"tools": [tool], "resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
            return ok(result(request.id, value))
        if request.id is None:
            return http("202 Accepted")
        error = {"code": -32601, "message": f"no {request.rpc} here"}
        return http("404 Not Found", json.dumps({"jsonrpc": "2.0", "id": request.id, "error": error}).encode())

    return handle


def report(words, *numbers):
    print(words, *numbers, flush=True)


def main(scope):
    """Runs the attack that is named, and leaves nothing behind."""
    signal.alarm(110)
    code = 0
    try:
        scope[sys.argv[1]]()
    except BaseException:
        traceback.print_exc()
        code = 1
    for tap in TAPS:
        tap.process.kill()
        tap.process.wait()
        shutil.rmtree(tap.home, ignore_errors=True)
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that still wait for a peer are of no interest.
    os._exit(code)
