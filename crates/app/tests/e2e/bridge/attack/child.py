"""A scripted server on stdio; what it does wrong is its first argument, or the name of the tool."""

import os
import re
import signal
import sys
import time

import json

MODE = sys.argv[1]
MB = 1 << 20


def say(message):
    raw = message if isinstance(message, bytes) else json.dumps(message).encode()
    view = memoryview(raw + b"\n")
    while view:
        view = view[os.write(1, view) :]


def warn(words):
    os.write(2, words.encode() + b"\n")


def result(id, value):
    say({"jsonrpc": "2.0", "id": id, "result": value})


def text(words):
    return {"content": [{"type": "text", "text": words}], "resultType": "complete"}


def greet(message):
    info = {"name": "near", "version": "2"}
    revision = message["params"]["protocolVersion"]
    result(message["id"], {"protocolVersion": revision, "capabilities": {"tools": {}}, "serverInfo": info})


def echo(raw):
    """Gives back the argument and the whole message, byte for byte."""
    payload = raw[raw.index(b'"payload":') + 10 : raw.index(b',"end":0')]
    id = re.search(rb'"id"\s*:\s*("(?:[^"\\]|\\.)*"|[^,}\s]+)', raw)[1]
    hexed = raw.hex().encode()
    say(
        b'{"jsonrpc":"2.0","id":' + id + b',"result":{"content":[{"type":"text","text":"' + hexed
        + b'"}],"structuredContent":{"payload":' + payload + b',"end":0},"resultType":"complete"}}'
    )


def tool(message, name):
    id = message["id"]
    opening = b'{"jsonrpc":"2.0","id":' + json.dumps(id).encode() + b',"result":{"content":[{"type":"text","text":"'
    if name == "fine":
        result(id, text("fine"))
    elif name == "pid":
        result(id, text(str(os.getpid())))
    elif name == "wrong":
        result("somebody else", text("wrong"))
        result(4711, text("wrong"))
    elif name == "twice":
        result(id, text("one"))
        result(id, text("two"))
    elif name == "garbage":
        for line in [b"Server started!", b"{", b"[]", b"null", b'"', b"\xff\xfe\x00", b"\x00" * 100, b'{"a":1}', b""]:
            say(line)
        result(id, text("after garbage"))
    elif name == "utf8":
        say(opening + b'\xff\xc3("}]}}')
    elif name == "large":
        say(opening + b"x" * (100 * MB) + b'"}]}}')
    elif name == "line":
        for _ in range(100):
            os.write(1, b"y" * MB)
        os.write(1, b"\n")
        result(id, text("after the line"))
    elif name == "dies":
        warn("cannot go on: the disk is on fire")
        os._exit(7)
    elif name == "deaf":
        os.close(1)
        time.sleep(1000)


def main():
    if MODE == "exits":
        warn("usage: server --key KEY")
        warn("error: no key was given")
        sys.exit(2)
    if MODE == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if MODE == "stderr":
        if os.fork() == 0:
            os.setpgid(0, 0) if len(sys.argv) > 2 else None
            while True:
                try:
                    os.write(2, b"z" * 65536)
                except OSError:
                    os._exit(0)
    asked = {}
    for raw in sys.stdin.buffer:
        raw = raw.rstrip(b"\n")
        if MODE == "log":
            with open(sys.argv[2], "ab") as log:
                log.write(raw + b"\n")
        try:
            message = json.loads(raw)
        except ValueError:
            warn("not JSON: " + repr(raw[:100]))
            continue
        method = message.get("method")
        if method == "initialize" and "modern" not in sys.argv:
            greet(message)
        elif method == "server/discover" and "modern" in sys.argv:
            value = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "resultType": "complete"}
            result(message["id"], value | {"ttlMs": 0, "cacheScope": "private"})
        elif method == "tools/list":
            where = {"type": "string", "x-mcp-header": "Where"}
            schema = {"type": "object", "properties": {"where": where}}
            value = {"tools": [{"name": "fine", "inputSchema": schema}], "resultType": "complete"}
            if "cursor" not in message.get("params", {}):
                value["nextCursor"] = "page two"
            result(message["id"], value | {"ttlMs": 0, "cacheScope": "private"})
        elif method == "tools/call" and MODE == "asks":
            asked[f"ask-{message['id']}"] = message["id"]
            schema = {"type": "object", "properties": {"word": {"type": "string"}}}
            params = {"message": "the word?", "requestedSchema": schema}
            say({"jsonrpc": "2.0", "id": f"ask-{message['id']}", "method": "elicitation/create", "params": params})
        elif method is None and message.get("id") in asked:
            result(asked.pop(message["id"]), text(json.dumps(message.get("result"))))
        elif method == "tools/call":
            name = message["params"]["name"]
            echo(raw) if name == "echo" else tool(message, name)
        elif "id" in message and method is not None:
            error = {"code": -32601, "message": f"no {method} here"}
            say({"jsonrpc": "2.0", "id": message["id"], "error": error})
    if MODE == "stubborn":
        time.sleep(1000)


main()
