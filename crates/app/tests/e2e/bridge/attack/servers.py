"""Servers that misbehave."""

import gzip
import threading
import time

from rig import *

def by_name(tools):
    """Tools of a server, one function each."""
    return lambda request, sock: tools[request.tool](request, sock)


def fine(request, sock):
    return ok(result(request.id, text("fine")))


def is_fine(answer):
    return "fine" in json.dumps(answer.get("result"))


def told(answer, *words):
    """The answer is one clear error."""
    said = answer.get("error", {}).get("message", "")
    check(said and all(word in said for word in words), answer, words)


def odd_answers():
    """Bodies of a legacy server that answer nobody: each is one clear error, and the next call works."""

    def sse(*pieces):
        def write(request, sock):
            sock.sendall(SSE_HEAD)
            for piece in pieces:
                sock.sendall(piece)

        return write

    def body(raw, status="200 OK", kind="application/json"):
        return lambda request, sock: http(status, raw, kind=kind)

    def cut(request, sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n" + b'{"json')

    def twice(request, sock):
        one, two = (json.dumps(result(request.id, text(words))).encode() for words in ("fine", "second"))
        return sse(b"data: " + one + b"\n\n", b"data: " + two + b"\n\n")(request, sock)

    def slow(request, sock):
        for byte in b"HTTP/1.1 200 OK\r\nContent-Ty":
            sock.sendall(bytes([byte]))
            time.sleep(0.02)

    def endless_head(request, sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\n")
        for n in range(100_000):
            sock.sendall(b"X-%d: %s\r\n" % (n, b"y" * 1000))

    bad = {
        "endless head": endless_head,
        "endless line": lambda request, sock: b"HTTP/1.1 200 " + b"O" * (10 * MB),
        "endless chunk": lambda request, sock: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * MB,
        "wrong id": body(b'{"jsonrpc":"2.0","id":4711,"result":{}}'),
        "wrong kind of id": lambda request, sock: ok(result(str(request.id), {})),
        "no JSON": body(b"<html>oops</html>", kind="text/html"),
        "garbage": body(b'{"jsonrpc":"2.0",'),
        "not UTF-8": lambda request, sock: ok(
            b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"\xff\xc3("}]}}' % request.id
        ),
        "cut body": cut,
        "cut head": slow,
        "empty": body(b""),
        "202": body(b"", "202 Accepted"),
        "204": body(b"", "204 No Content"),
        "half an event": sse(b'data: {"jsonrpc":"2.0","id":1,"resu'),
        "no event": sse(b""),
        "wrong event": sse(b'data: {"jsonrpc":"2.0","id":4711,"result":{}}\n\n', b"data: garbage\n\n"),
        "JSON as text": body(b"just text", kind="text/plain"),
        "a wrong length": lambda r, s: b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 11\r\n\r\n0123456789",
        "no HTTP": lambda r, s: b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "301": lambda r, s: http("301 Moved Permanently", headers=[("Location", server.url)]),
        "307": lambda r, s: http("307 Temporary Redirect", headers=[("Location", server.url)]),
        "500": body(b"boom", "500 Internal Server Error", "text/plain"),
        "gzip that is none": lambda r, s: http("200 OK", b"no gzip", [("Content-Encoding", "gzip")]),
        "unknown coding": lambda r, s: http("200 OK", b"{}", [("Content-Encoding", "zstd-7")]),
    }
    server = Server(legacy(by_name({**bad, "twice": twice, "fine": fine})))
    for listen in ([], ["--listen", "127.0.0.1:0", "--bridge"]):
        tap = Tap(*listen, server.url)
        session = Session(tap.port) if listen else tap.read_lines().greet()

        def ask(id, name):
            if listen:
                reply = session.post(call(id, name))
                return reply.answer() if reply.body.startswith((b"{", b"id:", b"data")) else reply
            tap.say(call(id, name))
            return tap.answer(id)

        for n, name in enumerate(bad):
            before = len(server.requests)
            answer = ask(2 * n + 1, name)
            if isinstance(answer, Reply):
                check(400 <= answer.status < 600, name, answer)
            else:
                check(answer["id"] == 2 * n + 1 and "error" in answer, name, answer)
            asked = [request for request in server.requests[before:] if request.tool == name]
            check(len(asked) == 1, name, "a call with effects was sent", len(asked), "times")
            check(is_fine(ask(2 * n + 2, "fine")), name, "the next call")
        check(is_fine(ask(1000, "twice")), "the first of two answers counts")
        check(is_fine(ask(1001, "fine")))
        if not listen:
            check(tap.rest == [], "more than answers", tap.rest)
        tap.end()


def never():
    """A call without an answer can be cancelled, and others go on."""
    gone = threading.Event()

    def silent(request, sock):
        sock.sendall(SSE_HEAD)
        while True:
            time.sleep(0.1)
            sock.sendall(b": still nothing\n\n")

    server = Server(legacy(by_name({"never": silent, "fine": fine})))
    tap = Tap(server.url).read_lines()
    tap.greet()
    tap.say(call(1, "never"))
    tap.say(call(2, "fine"))
    check(is_fine(tap.answer(2)))
    tap.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
    check(eventually(lambda: server.asked("notifications/cancelled")), "the server hears of it")
    tap.say(call(3, "fine"))
    check(is_fine(tap.answer(3)))
    check(all(message.get("id") != 1 for message in tap.rest), tap.rest)
    tap.end()

    tap = Tap("--bridge", "--", *child("plain")).read_lines()
    tap.greet()
    tap.say(call(1, "never"))
    tap.say(call(2, "fine"))
    check(is_fine(tap.answer(2)))
    tap.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}})
    check(is_fine(tap.ask(3, "tools/call", {"name": "fine"})))
    tap.end()

    server = Server(modern_server(by_name({"never": silent, "fine": fine})))
    tap = Tap("--bridge", "--listen", "127.0.0.1:0", server.url)
    never = connect(tap.port)
    body = json.dumps(modern(1, "tools/call", name="never", arguments={})).encode()
    never.sendall(request_bytes("POST", "/mcp", [*JSON, *modern_headers("tools/call", "never")], body))
    check(eventually(lambda: server.asked("tools/call")))
    reply = post(tap.port, modern(1, "tools/call", name="fine", arguments={}), modern_headers("tools/call", "fine"))
    check(is_fine(reply.answer()), reply)
    check(len(server.open) >= 1)
    before = len(server.open)
    never.close()
    check(eventually(lambda: len(server.open) < before), "who leaves cancels")
    tap.end()


def too_much():
    """Answers that are too large are one clear error, and do not stay in memory."""
    size = 100 * MB

    def opening(request):
        return b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"' % request.id

    def large(request, sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (size + 200))
        sock.sendall(opening(request))
        for _ in range(100):
            sock.sendall(b"x" * MB)

    def event(request, sock):
        sock.sendall(SSE_HEAD + b"data: " + opening(request))
        for _ in range(100):
            sock.sendall(b"x" * MB)
        sock.sendall(b'"}]}}\n\n')

    bomb = gzip.compress(b"0" * (300 * MB), 6)

    def zipped(request, sock):
        return http("200 OK", bomb, [("Content-Encoding", "gzip")])

    def zipped_events(request, sock):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
        return head % len(bomb) + bomb

    tools = {"large": large, "event": event, "bomb": zipped, "bomb of events": zipped_events, "fine": fine}
    server = Server(legacy(by_name(tools)))
    tap = Tap(server.url).read_lines()
    tap.greet()
    for n, name in enumerate(list(tools)[:-1]):
        tap.forget_peak()
        tap.say(call(2 * n, name))
        answer = tap.answer(2 * n)
        told(answer)
        report(name, answer["error"]["message"], "peak", tap.peak() // MB, "MB")
        check(tap.peak() < 400 * MB, name, tap.peak())
        tap.say(call(2 * n + 1, "fine"))
        check(is_fine(tap.answer(2 * n + 1)), name)
    tap.end()

    tap = Tap("--bridge", "--", *child("plain")).read_lines()
    tap.greet()
    for n, name in enumerate(["large", "line"]):
        tap.forget_peak()
        tap.say(call(2 * n, name))
        answer = tap.answer(2 * n)
        told(answer, "too large") if name == "large" else check("after the line" in str(answer), answer)
        report("child:", name, "peak", tap.peak() // MB, "MB")
        check(tap.peak() < 400 * MB, name, tap.peak())
        tap.say(call(2 * n + 1, "fine"))
        check(is_fine(tap.answer(2 * n + 1)), name)
    report("said", tap.stderr)
    tap.end()


def children():
    """What children do wrong."""
    tap = Tap("--bridge", "--", *child("plain")).read_lines()
    tap.greet()
    for n, name in enumerate(["wrong", "garbage", "twice", "utf8"]):
        tap.say(call(10 * n, name))
        if name == "wrong":
            # Nobody answers it any more, and a tap that ends would wait for that.
            tap.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 10 * n}})
        elif name == "utf8":
            told(tap.answer(10 * n), "UTF-8")
        else:
            answer = tap.answer(10 * n)
            check("one" in str(answer) or "after garbage" in str(answer), answer)
        check(is_fine(tap.ask(10 * n + 1, "tools/call", {"name": "fine"})), name)
    check(tap.rest == [], tap.rest)
    tap.end()

    tap = Tap("--bridge", "--", *child("exits")).read_lines()
    told(tap.ask(1, "initialize", hello()), "no key was given", "exit status 2")
    tap.end()
    tap = Tap("--listen", "127.0.0.1:0", "--", *child("exits"))
    ask = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello()}
    told(post(tap.port, ask).answer(), "no key was given", "exit status 2")
    discover = post(tap.port, modern(1, "server/discover"), modern_headers("server/discover"))
    told(discover.answer(), "no key was given", "exit status 2")
    tap.end()

    for shape in (["--bridge"], ["--listen", "127.0.0.1:0"]):
        for era in ("legacy", "modern"):
            tap = Tap(*shape, "--", *child("plain", era))
            if tap.port is None:
                tap.read_lines()
                tap.greet()
                tap.say(call(1, "pid"))
                pid = tap.answer(1)
                tap.say(call(2, "never"))
                tap.say(call(3, "dies"))
                answers = [tap.answer(2), tap.answer(3)]
                tap.say(call(4, "pid"))
                other = tap.answer(4)
            else:
                session = Session(tap.port)
                pid = session.post(call(1, "pid")).answer()
                never = []
                waits = threading.Thread(target=lambda: never.append(session.post(call(2, "never")).answer()))
                waits.start()
                time.sleep(0.3)
                answers = [session.post(call(3, "dies")).answer()]
                waits.join(PATIENCE)
                answers += never
                other = session.post(call(4, "pid")).answer()
            for answer in answers:
                told(answer, "the disk is on fire", "exit status 7")
            check("result" in other and pid["result"] != other["result"], pid, other)
            tap.end()


def chatter():
    """A child that never stops to talk on standard error costs neither memory nor answers."""
    tap = Tap("--listen", "127.0.0.1:0", "--", *child("stderr"))
    session = Session(tap.port)
    before = tap.rss()
    for n in range(50):
        check(is_fine(session.post(call(n, "fine")).answer()))
    time.sleep(1)
    report("endless stderr: rss", before // MB, "->", tap.rss() // MB, "MB, peak", tap.peak() // MB)
    check(tap.peak() < 100 * MB, tap.peak())
    tap.end()


def stubborn():
    """Children that do not end by themselves are killed."""
    for mode in ("stubborn", "plain"):
        tap = Tap("--bridge", "--", *child(mode)).read_lines()
        tap.greet()
        pids = tap.children()
        check(len(pids) == 1, pids)
        if mode == "plain":
            # It closed its standard output but lives.
            tap.say(call(1, "deaf"))
            told(tap.answer(1), "closed its output")
            tap.say(call(2, "fine"))
            check(is_fine(tap.answer(2)))
            pids += tap.children()
        began = time.monotonic()
        tap.end()
        report(mode, "ended after", round(time.monotonic() - began, 1), "s")
        check(eventually(lambda: not any(map(is_alive, pids))), pids)


def credentials():
    """401 and 403 pass to who can act on them; 404 for ever is an error and no loop."""
    challenge = 'Bearer resource_metadata="https://far.example/.well-known/oauth-protected-resource", scope="a b"'

    def refuses(status, words):
        headers = [("WWW-Authenticate", challenge), ("Set-Cookie", "a=b")]
        return lambda request, sock: http(status, words, headers, "text/plain")

    for status in ("401 Unauthorized", "403 Forbidden", "404 Not Found", "429 Too Many Requests"):
        code = int(status[:3])
        server = Server(refuses(status, b"log in first"))
        tap = Tap("--bridge", "--listen", "127.0.0.1:0", server.url)
        ask = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello()}
        for message, headers in (
            (ask, []),
            (modern(1, "server/discover"), modern_headers("server/discover")),
            (modern(1, "tools/list"), modern_headers("tools/list")),
        ):
            reply = post(tap.port, message, headers)
            if code in (401, 403):
                check(reply.status == code and reply.headers.get("www-authenticate") == challenge, status, reply)
            elif reply.status == 200:
                told(reply.answer(), str(code))
            else:
                check(400 <= reply.status < 600, status, reply)
        report(status, len(server.requests), "requests for 3 questions")
        check(len(server.requests) < 30, len(server.requests))
        tap.end()
        tap = Tap(server.url).read_lines()
        told(tap.ask(1, "initialize", hello()), str(code), "log in first")
        told(tap.ask(2, "initialize", hello()), str(code))
        tap.end()
        server.stop()


def endpoints():
    """A server of 2024-11-05 cannot send the tap, with its credentials, to somebody else."""
    elsewhere = Server(lambda request, sock: http("202 Accepted"))
    places = [
        elsewhere.url,
        f"//127.0.0.1:{elsewhere.port}/mcp",
        f"http://user:pw@127.0.0.1:{elsewhere.port}/mcp",
        f"http:\\\\127.0.0.1:{elsewhere.port}/",
        f"HTTP://127.0.0.1:{elsewhere.port}/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "",
        "/messages?\u0000",
        "/a b",
        "x" * 100_000,
    ]
    for place in places:

        def handle(request, sock):
            if request.method == "GET":
                sock.sendall(SSE_HEAD + b"event: endpoint\ndata: " + place.encode() + b"\n\n")
                time.sleep(2)
                return None
            return http("405 Method Not Allowed")

        server = Server(handle)
        tap = Tap("--header", "Authorization: Bearer secret", server.url).read_lines()
        answer = tap.ask(1, "initialize", hello("2024-11-05"))
        check("error" in answer, place, answer)
        check(elsewhere.requests == [], place, "the tap went where it was sent")
        tap.end()
        server.stop()


def streams():
    """Event streams that never say anything do not disturb anybody."""

    def handle(request, sock):
        if request.method == "GET":
            sock.sendall(SSE_HEAD)
            while True:
                time.sleep(0.05)
                sock.sendall(b": nothing\n\nid: 1\nretry: 1\n\n")
        return legacy(by_name({"fine": fine}))(request, sock)

    server = Server(handle)
    tap = Tap(server.url).read_lines()
    tap.greet()
    check(eventually(lambda: any(request.method == "GET" for request in server.requests)))
    for n in range(20):
        tap.say(call(n, "fine"))
        check(is_fine(tap.answer(n)))
    check(tap.rest == [], tap.rest)
    tap.end()

    # A stream that breaks at once is not opened again without a wait.
    def hasty(request, sock):
        if request.method == "GET":
            return SSE_HEAD if sock.sendall(SSE_HEAD + b"retry: 0\n\n") else None
        return legacy(by_name({"fine": fine}))(request, sock)

    server = Server(hasty)
    tap = Tap(server.url).read_lines()
    tap.greet()
    time.sleep(3)
    n = sum(request.method == "GET" for request in server.requests)
    report("GET of a stream that always breaks:", n, "in 3 s")
    # The server asked for no wait, so it has what it asked for; but not the whole processor.
    check(n < 400, n)
    tap.end()


main(globals())
