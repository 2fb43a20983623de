"""Text that is not JSON is refused by name and goes nowhere."""

from rig import *

# Each one is no JSON text of RFC 8259, or no UTF-8.
BROKEN = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"{]",
    b"[}",
    b"{}{}",
    b"{} {}",
    b"[] x",
    b"{},",
    b",{}",
    b"{,}",
    b"[,]",
    b"[1,]",
    b"[,1]",
    b"[1,,2]",
    b"[1 2]",
    b'{"a"}',
    b'{"a":}',
    b'{"a":1,}',
    b'{"a":1 "b":2}',
    b'{"a" 1}',
    b'{"a"::1}',
    b'{"a":1,,"b":2}',
    b"{a:1}",
    b"{'a':1}",
    b"{1:1}",
    b"{null:1}",
    b'{"a":undefined}',
    b'{"a":NaN}',
    b'{"a":Infinity}',
    b'{"a":-Infinity}',
    b'{"a":-}',
    b'{"a":+1}',
    b'{"a":01}',
    b'{"a":-01}',
    b'{"a":00}',
    b'{"a":1.}',
    b'{"a":.5}',
    b'{"a":-.5}',
    b'{"a":1e}',
    b'{"a":1e+}',
    b'{"a":1.e5}',
    b'{"a":0x10}',
    b'{"a":1_000}',
    b'{"a":1a}',
    b'{"a":--1}',
    b'{"a":tru}',
    b'{"a":True}',
    b'{"a":TRUE}',
    b'{"a":nul}',
    b'{"a":nulll}',
    b'{"a":"}',
    b'{"a":"b}',
    b'{"a":"\\"}',
    b'{"a":"\\x41"}',
    b'{"a":"\\u12"}',
    b'{"a":"\\u123g"}',
    b'{"a":"\\U0041"}',
    b'{"a":"\\\'"}',
    b'{"a":"\\0"}',
    b'{"a":"\\ "}',
    b'{"a":"tab\there"}',
    b'{"a":"nul\x00here"}',
    b'{"a":"bell\x07"}',
    b'{"a":"escape\x1b"}',
    b'{"a":"unit\x1f"}',
    b"{'a':'b'}",
    b'{"a":1}\x00',
    b'\x00{"a":1}',
    b'{"a":\x0b1}',
    b'{"a":\x0c1}',
    b'{"a":\xc2\xa01}',
    b'{"a":\xe2\x80\xa81}',
    b'{"a":"\xff"}',
    b'{"a":"\xc3"}',
    b'{"a":"\xc3("}',
    b'{"a":"\x80"}',
    b'{"a":"\xc0\xaf"}',
    b'{"a":"\xc1\xbf"}',
    b'{"a":"\xe0\x80\xaf"}',
    b'{"a":"\xed\xa0\x80"}',
    b'{"a":"\xed\xbf\xbf"}',
    b'{"a":"\xf0\x80\x80\xaf"}',
    b'{"a":"\xf4\x90\x80\x80"}',
    b'{"a":"\xf8\x88\x80\x80\x80"}',
    b'{"\xff":1}',
    b'{"a":"\xe2\x82"}',
    b'{"a":1}/* comment */',
    b'// comment\t{"a":1}',
    b'{"a":1;"b":2}',
    b'{"a"=1}',
    b"(1)",
    b"hello",
    b"GET / HTTP/1.1",
    b"<xml/>",
    b'"unfinished',
    b"'single'",
    b"1 2",
    b"-",
    b"\\",
    b"\xef\xbb\xbf",
    b"\xff\xfe{\x00}\x00",
    b"[" * 1000,
    b'{"a":' * 1000,
    b"[" * 5000 + b"]" * 4999,
    b'{"a":' + b"[" * 5000 + b"}" * 5000 + b"}",
]


def wrapped(broken):
    """The same in the place of an argument of a call that is fine but for that."""
    return b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fine","arguments":%s}}' % broken


# Inside of another value these are other errors than at the top, or only the brackets differ: still none is JSON.
def table():
    check(len(set(BROKEN)) == len(BROKEN) >= 60, len(BROKEN))
    for broken in BROKEN:
        try:
            json.loads(broken.decode(), parse_constant=lambda word: 1 / 0)
        except (ValueError, RecursionError, ZeroDivisionError):
            pass
        else:
            raise AssertionError(broken)
        yield broken
        if not broken.startswith((b"{},", b",")) and b"//" not in broken:
            yield wrapped(broken)


def fine(request, sock):
    return ok(result(request.id, text("fine")))


def quiet(server):
    """How many requests there were once no more come: a bridge says some of its own after the first answer."""
    seen, since = len(server.requests), time.monotonic()
    while time.monotonic() - since < 1:
        time.sleep(0.05)
        if len(server.requests) != seen:
            seen, since = len(server.requests), time.monotonic()
    return seen


def over_http():
    for server, client in ((legacy(fine), "legacy"), (modern_server(fine), "modern"), (legacy(fine), "modern")):
        server = Server(server)
        tap = Tap("--bridge", "--listen", "127.0.0.1:0", server.url)
        if client == "legacy":
            headers = Session(tap.port).headers()
            good = call(7, "fine")
        else:
            headers = modern_headers("tools/call", "fine")
            good = modern(7, "tools/call", name="fine", arguments={})
        check("fine" in str(post(tap.port, good, headers).answer()))
        check(eventually(lambda: client == "modern" or server.asked("notifications/initialized")))
        before = quiet(server)
        with connect(tap.port) as sock:
            for body in table():
                # All on one connection: a refusal leaves it good for the next request.
                sock.sendall(request_bytes("POST", "/mcp", [*JSON, *headers], body, close=False))
                reply = read_reply(sock)
                check(reply.status == 400, body, reply)
                error = json.loads(reply.body)
                check(error["error"]["code"] == -32700 and error["id"] in (None, 1), body, error)
        check(len(server.requests) == before, "something reached the server")
        check("fine" in str(post(tap.port, good, headers).answer()))
        tap.end()


def on_lines():
    for era in ("legacy", "modern"):
        server = Server(legacy(fine) if era == "legacy" else modern_server(fine))
        tap = Tap(server.url).read_lines()
        good = call(7, "fine") if era == "legacy" else modern(7, "tools/call", name="fine", arguments={})
        if era == "legacy":
            tap.greet()
        tap.say(good)
        check("fine" in str(tap.answer(7)))
        check(eventually(lambda: era == "modern" or server.asked("notifications/initialized")))
        before = len([request for request in server.requests if request.method == "POST"])
        for line in table():
            if line == b"\xef\xbb\xbf":
                # On a line that is a mark and no message.
                continue
            tap.say(line)
            error = json.loads(tap.line())
            check(error.get("error", {}).get("code") == -32700 and error["id"] in (None, 1), line, error)
        tap.say(good)
        check("fine" in str(tap.answer(7)))
        posted = len([request for request in server.requests if request.method == "POST"])
        check(posted == before + 1, "something reached the server", posted - before)
        tap.end()


main(globals())
