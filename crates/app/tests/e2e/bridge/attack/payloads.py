"""What nobody decided to change arrives byte for byte."""

import re
import threading

from rig import *

PAYLOADS = {
    "beyond 2^53": b"9007199254740993",
    "beyond 2^64": b"-18446744073709551617",
    "thirty digits": b"123456789012345678901234567890",
    "thirty digits of a fraction": b"0.123456789012345678901234567890",
    "minus zero": b"-0",
    "minus zero with a fraction": b"-0.0e-0",
    "too large for a float": b"1e400",
    "too small for a float": b"-1E-400",
    "an integer with a fraction": b"1.0",
    "exponents": b"[1E+2,1e2,100,1.00e+02]",
    "a name twice": b'{"a":1,"a":2,"a":{"a":3,"a":4}}',
    "the order of names": b'{"z":1,"a":2,"10":3,"9":4,"":5}',
    "lone surrogates": b'"\\ud800 \\udc00 \\uDBFF"',
    "a pair of surrogates": b'"\\ud83d\\ude00 \xf0\x9f\x98\x80"',
    "depth": b"[" * 200 + b"]" * 200,
    "depth of objects": b'{"a":' * 200 + b"null" + b"}" * 200,
    "line separators": '"\u2028\u2029\u0085\u007f\ufeff"'.encode(),
    "escaped control characters": b'"\\u0000\\u001f\\b\\f\\n\\r\\t\\/\\"\\\\"',
    "escapes that are not needed": b'"\\u0061\\u002F/"',
    "white space": b'{ "a" :\t[ 1 ,2 ] , "b":{ } }',
    "unknown members": b'{"jsonrpc":"1.0","id":77,"method":"x","result":{},"_meta":{"io.modelcontextprotocol/x":1}}',
    "empty": b'{"":{"":[[],{},"",null,true,false]}}',
    "long": b'"' + b"x\xc3\xa9" * 200_000 + b'"',
    "a private use character": '"\ue000\U0010ffff\u0300"'.encode(),
}

IDS = [b"%d", b'"\\u0061 %d \xc3\xa9"', b'"\\ud800 %d"', b"12345678901234567890123456789%d", b"-%d.0", b"1e%d"]


def payload_of(raw):
    return raw[raw.index(b'"payload":') + 10 : raw.index(b',"end":0')]


def echo(answers_with=lambda payload: payload):
    """Gives back the payload, and the whole message in hexadecimal."""

    def tools(request, sock):
        raw = request.body
        id = re.search(rb'"id"\s*:\s*("(?:[^"\\]|\\.)*"|[^,}\s]+)', raw)[1]
        payload = answers_with(payload_of(raw))
        value = b'{"content":[{"type":"text","text":"' + raw.hex().encode() + b'"}],"structuredContent":{"payload":'
        value += payload + b',"end":0},"resultType":"complete"}'
        body = b'{"jsonrpc":"2.0","id":' + id + b',"result":' + value + b"}"
        # As an event where the answer has no line ends, else as a body.
        if b"\n" in body or len(raw) % 2:
            return ok(body)
        sock.sendall(SSE_HEAD + b"data: " + body + b"\n\n")

    return tools


def arguments(payload):
    return b'{"payload":' + payload + b',"end":0}'


def legacy_call(id, payload):
    params = b'{"name":"echo","arguments":' + arguments(payload) + b',"later":[1.0]}'
    return b'{"later":1e1, "jsonrpc":"2.0","id":' + id + b',"method":"tools/call","params":' + params + b"}"


def modern_call(id, payload):
    meta = json.dumps(META).encode()[:-1] + b',"x/y":-0}'
    params = b'{"_meta":' + meta + b',"name":"echo","arguments":' + arguments(payload) + b',"later":[1.0]}'
    return b'{"later":1e1, "jsonrpc":"2.0","id":' + id + b',"method":"tools/call","params":' + params + b"}"


class Pipe:
    def __init__(self, tap, era):
        self.tap, self.era = tap.read_lines(), era
        if era == "legacy":
            tap.greet("2025-11-25")

    def exchange(self, message):
        self.tap.say(message)
        while True:
            line = self.tap.line().rstrip(b"\n")
            if b'"payload":' in line or b'"error"' in line:
                return line


class Web:
    def __init__(self, tap, era):
        self.tap, self.era = tap, era
        self.headers = modern_headers("tools/call", "echo")
        if era == "legacy":
            self.headers = Session(tap.port, revision="2025-11-25").headers()

    def exchange(self, message):
        reply = post(self.tap.port, message, self.headers)
        check(reply.status == 200, reply)
        if "text/event-stream" not in reply.headers["content-type"]:
            return reply.body
        events = [
            b"\n".join(line[6:] for line in event.split(b"\n") if line.startswith(b"data: "))
            for event in reply.body.split(b"\n\n")
        ]
        data = [event for event in events if event]
        check(len(data) == 1, reply)
        return data[0]


def passes(client_era, server_era, is_pipe, is_command, is_pretty=True):
    """Every payload there and back; gives what the server saw last."""
    where = [] if is_pipe else ["--listen", "127.0.0.1:0"]
    if is_command:
        what = ["--", *child("echo", server_era)]
    else:
        server = Server((legacy if server_era == "legacy" else modern_server)(echo()))
        what = [server.url]
    tap = Tap("--bridge", *where, *what)
    client = (Pipe if is_pipe else Web)(tap, client_era)
    make = legacy_call if client_era == "legacy" else modern_call
    is_same = client_era == server_era
    for n, (name, payload) in enumerate(PAYLOADS.items()):
        for id in (number % n for number in IDS):
            message = make(id, payload)
            answer = client.exchange(message)
            check(payload_of(answer) == payload, name, "came back as", payload_of(answer)[:200], answer[:300])
            came = re.search(rb'"id":("(?:[^"\\]|\\.)*"|[^,]+),', answer)[1]
            # Across eras a text may be escaped in another way, but it is the same text.
            is_text = not is_same and id.startswith(b'"') and json.loads(came) == json.loads(id)
            check(came == id or is_text, name, id, answer[:200])
            seen = bytes.fromhex(re.search(rb'"text":"([0-9a-f]+)"', answer)[1].decode())
            check(payload_of(seen) == payload, name, "arrived as", payload_of(seen)[:200])
            # A link that clients share has ids of its own, and another era another _meta.
            if is_same and not (server_era == "modern" and is_command):
                check(seen == message, name, "the whole message", seen[:300])
            check(b'"later":[1.0]' in seen and b'"later":1e1' in seen, name, "unknown members", seen[:300])
    if not is_pipe and is_pretty:
        # Line ends inside a body are white space, which a line cannot have.
        message = make(b"999", b"[1,\n\t2,\r\n 3]").replace(b'"jsonrpc"', b'\n  "jsonrpc"')
        answer = client.exchange(message)
        check(re.sub(rb"\s", b"", payload_of(answer)) == b"[1,2,3]", answer)
    tap.end()


def same_era():
    for era in ("legacy", "modern"):
        for is_pipe in (True, False):
            for is_command in (True, False):
                passes(era, era, is_pipe, is_command)


def across_eras():
    for client, server in (("legacy", "modern"), ("modern", "legacy")):
        for is_pipe in (True, False):
            for is_command in (True, False):
                passes(client, server, is_pipe, is_command)


main(globals())
