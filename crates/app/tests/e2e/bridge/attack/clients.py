"""Clients that misbehave."""

import os
import socket
import tempfile
import threading
import time

from rig import *

FIRST = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello()}


def fine(request, sock):
    return ok(result(request.id, text("fine " + request.headers.get("authorization", "nobody"))))


def bridge(server, *more):
    return Tap("--bridge", "--listen", "127.0.0.1:0", *more, server.url)


def still_serves(tap, session=None):
    reply = (session or Session(tap.port)).post(call(99, "fine"))
    check("fine" in str(reply.answer()), reply)


def refused(reply, status, code=None):
    check(reply.status == status, status, reply)
    if code is not None:
        check(json.loads(reply.body)["error"]["code"] == code, code, reply)


def forged(sealed):
    """The same with one letter changed, at several places; the last letter may hold bits that mean nothing."""
    for at in (0, 1, 10, len(sealed) // 2, len(sealed) - 2):
        yield sealed[:at] + ("x" if sealed[at] != "x" else "y") + sealed[at + 1 :]


def lying_headers():
    """Headers that do not say what the body says never reach the server."""
    schema = {"type": "object", "properties": {"where": {"type": "string", "x-mcp-header": "Where"}}}
    server = Server(modern_server(fine, schema))
    tap = bridge(server)
    listed = post(tap.port, modern(1, "tools/list"), modern_headers("tools/list"))
    check(listed.status == 200, listed)
    ask = modern(2, "tools/call", name="fine", arguments={"where": "here"})
    good = [*modern_headers("tools/call", "fine"), ("Mcp-Param-Where", "here")]
    check("fine" in str(post(tap.port, ask, good).answer()))
    before = len(server.asked("tools/call"))

    def without(*names):
        return [(name, value) for name, value in good if name not in names]

    lies = [
        without("Mcp-Method"),
        without("Mcp-Name"),
        without("MCP-Protocol-Version"),
        [*without("Mcp-Method"), ("Mcp-Method", "tools/list")],
        [*without("Mcp-Method"), ("Mcp-Method", "TOOLS/CALL")],
        [*without("Mcp-Name"), ("Mcp-Name", "other")],
        [*without("Mcp-Name"), ("Mcp-Name", "Fine")],
        [*without("Mcp-Name"), ("Mcp-Name", "=?base64?Zmlu?=")],
        [*without("Mcp-Name"), ("Mcp-Name", "=?base64?!!!?=")],
        [*without("Mcp-Name"), ("Mcp-Name", "=?base64?/w==?=")],
        [*without("MCP-Protocol-Version"), ("MCP-Protocol-Version", "2026-07-29")],
        [*good, ("Mcp-Method", "tools/list")],
        [*good, ("Mcp-Method", "tools/call")],
        [*good, ("mcp-name", "other")],
        [*good, ("MCP-Protocol-Version", "2025-11-25")],
    ]
    lies_of_params = [
        without("Mcp-Param-Where"),
        [*without("Mcp-Param-Where"), ("Mcp-Param-Where", "there")],
        [*without("Mcp-Param-Where"), ("Mcp-Param-Where", "=?base64?!!!?=")],
        [*good, ("Mcp-Param-Where", "there")],
    ]
    for lie in lies:
        refused(post(tap.port, ask, lie), 400, -32020)
    check(len(server.asked("tools/call")) == before, "a lie reached the server")
    tap.end()
    # A server on stdio does not see the headers, so nobody else can check them.
    tap = Tap("--bridge", "--listen", "127.0.0.1:0", "--", *child("plain", "modern"))
    listed = post(tap.port, modern(1, "tools/list"), modern_headers("tools/list"))
    check("x-mcp-header" in str(listed.answer()), listed)
    check("fine" in str(post(tap.port, ask, good).answer()["result"]))
    for n, lie in enumerate([*lies, *lies_of_params]):
        reply = post(tap.port, ask, lie)
        check(reply.status == 400 and reply.answer()["error"]["code"] == -32020, n, reply)
    tap.end()

    # A legacy session is not fooled by a version that is none.
    server = Server(legacy(fine))
    tap = bridge(server)
    session = Session(tap.port)
    for version in ("2024-13-45", "1.0", "2026", "", "é"):
        headers = [*session.headers(), ("MCP-Protocol-Version", version)]
        reply = post(tap.port, call(1, "fine"), headers)
        check(reply.status == 400, version, reply)
    still_serves(tap, session)
    tap.end()


def strange_sessions():
    """Session ids that nobody gave to this client open nothing."""
    server = Server(legacy(fine))
    tap = bridge(server)
    mine = Session(tap.port, [("Authorization", "Bearer one")])
    other = Session(tap.port, [("Authorization", "Bearer two")])
    check(mine.id != other.id and "far-1" not in mine.id)
    before = len(server.asked("tools/call"))
    tampered = [*forged(mine.id), mine.id[:-1], mine.id + "AAAA", mine.id.swapcase(), other.id[:40] + mine.id[40:]]
    garbage = ["toString", "__proto__", "constructor", "0", "-1", "null", "far-1", "%00", "../../etc/passwd", "x" * 7000]
    garbage += ["\xff\xfe", "a b", '{"session":1}', ""]
    for id in [*tampered, *garbage]:
        headers = [("Authorization", "Bearer one"), ("Mcp-Session-Id", id)]
        reply = post(tap.port, call(1, "fine"), headers)
        refused(reply, 404, -32600)
        check(raw_request(tap.port, request_bytes("DELETE", "/mcp", headers)).status == 404, id)
        get = request_bytes("GET", "/mcp", [("Accept", "text/event-stream"), *headers])
        check(raw_request(tap.port, get).status == 404, id)
    # Somebody else's session, with and without one's own beside it.
    for headers in (
        [("Mcp-Session-Id", mine.id)],
        [("Authorization", "Bearer two"), ("Mcp-Session-Id", mine.id)],
        [("Authorization", "Bearer two"), ("Mcp-Session-Id", other.id), ("Mcp-Session-Id", mine.id)],
        [("Authorization", "bearer one"), ("Mcp-Session-Id", mine.id)],
        [("Authorization", "Bearer one"), ("Authorization", "Bearer two"), ("Mcp-Session-Id", mine.id)],
    ):
        reply = post(tap.port, call(1, "fine"), headers)
        check(reply.status in (400, 404), headers, reply)
        check(raw_request(tap.port, request_bytes("DELETE", "/mcp", headers)).status in (400, 404), headers)
    # A line of a head that is too long does not even come that far.
    reply = post(tap.port, call(1, "fine"), [("Mcp-Session-Id", "y" * 100_000)])
    check(reply.status in (404, 431), reply)
    check(len(server.asked("tools/call")) == before, "somebody else was served")
    check("Bearer one" in str(mine.post(call(1, "fine")).answer()))
    check("Bearer two" in str(other.post(call(1, "fine")).answer()))
    # Who says goodbye is gone.
    check(mine.delete().status == 200)
    check(eventually(lambda: any(request.method == "DELETE" for request in server.requests)))
    refused(mine.post(call(1, "fine")), 404)
    # Another process of the same home knows the session; of another home it does not.
    restarted = other.port
    tap.end()
    tap = bridge(server)
    refused(post(tap.port, call(1, "fine"), other.headers()), 404)
    check(restarted is not None)
    tap.end()


def strange_endpoints():
    """The endpoint of a client of 2024-11-05 is its own."""
    server = Server(legacy(fine))
    tap = bridge(server)

    def listen(who):
        sock = connect(tap.port)
        sock.sendall(request_bytes("GET", "/sse", [("Accept", "text/event-stream"), *who], close=False))
        file = sock.makefile("rb")
        while not (line := file.readline()).startswith(b"data:"):
            check(line, "no endpoint")
        return sock, file, line[5:].strip().decode()

    alice, bob = [("Authorization", "Bearer alice")], [("Authorization", "Bearer bob")]
    sock, file, endpoint = listen(alice)
    other = listen(bob)
    hi = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello("2024-11-05")}
    at = endpoint.index("?") + 1 + endpoint[endpoint.index("?") + 1 :].index("=") + 1
    before = len(server.requests)
    places = [endpoint[:at] + one for one in forged(endpoint[at:])]
    places += [endpoint[:at], endpoint[:at] + "toString", endpoint[:at] + "x" * 10_000, endpoint[: at - 1], "/sse"]
    places += [endpoint + "&" + endpoint[endpoint.index("?") + 1 :].replace(endpoint[at:], "A")]
    for place in places[:-1]:
        reply = post(tap.port, hi, alice, place)
        check(400 <= reply.status < 500, place, reply)
    for who in (bob, []):
        reply = post(tap.port, hi, who, endpoint)
        check(400 <= reply.status < 500, who, reply)
    # Nor is it a session of the other transport.
    reply = post(tap.port, call(1, "fine"), [*alice, ("Mcp-Session-Id", endpoint[at:])])
    check(reply.status == 404, reply)
    check(len(server.requests) == before, "a stranger reached the server")
    check(post(tap.port, hi, alice, endpoint).status == 202)
    while b'"serverInfo"' not in (line := file.readline()):
        check(line, "no answer")
    # Who closes the stream ends the session.
    sock.close()
    file.close()
    check(eventually(lambda: any(request.method == "DELETE" for request in server.requests)))
    check(400 <= post(tap.port, hi, alice, endpoint).status < 500)
    check(other is not None)
    tap.end()


def forged_states():
    """A requestState is good for whom it was given, for what it was given, as it was given, and once."""
    script = child("asks")
    tap = Tap("--listen", "127.0.0.1:0", "--", *script)
    meta = {**META, "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}}}
    alice, bob = [("Authorization", "Bearer alice")], [("Authorization", "Bearer bob")]

    def ask(who, id, name="ask", **more):
        message = modern(id, "tools/call", name=name, arguments=more.pop("arguments", {"a": 1}), **more)
        message["params"]["_meta"] = meta
        return post(tap.port, message, [*modern_headers("tools/call", name), *who])

    def begin(who, id):
        value = ask(who, id).answer()["result"]
        check(value["resultType"] == "input_required", value)
        (key,) = value["inputRequests"]
        return value["requestState"], {key: {"action": "accept", "content": {"word": "please"}}}

    state, answers = begin(alice, 1)
    retry = {"requestState": state, "inputResponses": answers}
    wrong = [*forged(state), state[:-4], state + "AAAA", "toString", "", "x" * 200_000]
    refusals = [ask(alice, 10 + n, requestState=one, inputResponses=answers) for n, one in enumerate(wrong)]
    refusals += [ask(bob, 30, **retry), ask([], 31, **retry)]
    refusals += [ask(alice, 32, **retry, arguments={"a": 2}), ask(alice, 33, name="other", **retry)]
    refusals += [ask(alice, 34, requestState=17, inputResponses=answers)]
    for n, reply in enumerate(refusals):
        answer = reply.answer()
        check("please" not in str(answer), n, answer)
        check("error" in answer, n, answer)
    check("please" in str(ask(alice, 50, **retry).answer()["result"]), "it is still good for its owner")
    again = ask(alice, 51, **retry).answer()
    check("error" in again, "it is good once", again)
    # A cursor is good for whom it was given, as it was given.
    def page(who, id, **params):
        return post(tap.port, modern(id, "tools/list", **params), [*modern_headers("tools/list"), *who]).answer()

    cursor = page(alice, 70)["result"]["nextCursor"]
    check("page two" not in cursor and "result" in page(alice, 71, cursor=cursor))
    for n, (who, wrong) in enumerate([(alice, one) for one in forged(cursor)] + [(bob, cursor), (alice, "page two")]):
        answer = page(who, 80 + n, cursor=wrong)
        check(answer.get("error", {}).get("code") == -32602, n, answer)
    # Bob's own is good for Bob.
    state, answers = begin(bob, 60)
    check("please" in str(ask(bob, 61, requestState=state, inputResponses=answers).answer()["result"]))
    tap.end()


def one_child_for_all():
    """Who shares a child with others has their ids neither by chance nor by guessing."""
    with tempfile.NamedTemporaryFile(delete=False) as file:
        log = file.name
    tap = Tap("--listen", "127.0.0.1:0", "--", *child("log", log, "modern"))
    answers = {}

    def ask(who, id):
        message = modern(id, "tools/call", name="fine", arguments={"who": who})
        message["params"]["_meta"] = {**META, "progressToken": id}
        headers = [*modern_headers("tools/call", "fine"), ("Authorization", "Bearer " + who)]
        answers[who, id] = post(tap.port, message, headers).answer()

    threads = [threading.Thread(target=ask, args=(who, id)) for who in "ab" for id in (1, 2, 3, "1", "2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    check(len(answers) == 10 and all(answer["id"] == id for (_, id), answer in answers.items()), answers)
    # The next call waits; nobody else can cancel it, whichever of its ids he guesses.
    with connect(tap.port) as sock:
        body = json.dumps(modern(7, "tools/call", name="never", arguments={})).encode()
        sock.sendall(request_bytes("POST", "/mcp", [*JSON, *modern_headers("tools/call", "never")], body))
        check(eventually(lambda: b'"never"' in open(log, "rb").read()))
        for id in [*range(1, 20), "7"]:
            told = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id, "_meta": META}}
            check(post(tap.port, told, modern_headers("notifications/cancelled")).status == 202)
        ask("b", 8)
        said = open(log, "rb").read()
        os.unlink(log)
        check(b"notifications/cancelled" not in said, said)
    tap.end()


def strange_messages():
    """Messages that are JSON and no messages, or too much of one."""
    server = Server(legacy(fine))
    tap = bridge(server)
    session = Session(tap.port)
    check(eventually(lambda: server.asked("notifications/initialized")))
    before = len(server.requests)
    deep = b"[" * 100_000 + b"]" * 100_000
    cases = [
        (b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"tools/list"}', -32600),
        (b'{"jsonrpc":"2.0","id":[1],"method":"tools/list"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"tools/list"}', -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"tools/list"}', -32600),
        (b'{"id":1,"method":"tools/list"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/list","result":{}}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/list"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"m\\u0065thod":"tools/list","method":"tools/call"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fine"},"params":{"name":"other"}}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fine","name":"other"}}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fine","_meta":{"progressToken":1,"progressToken":2}}}', -32600),
        (b"[]", -32600),
        (b"[1,2]", -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]', -32600),
        (b"1", -32600),
        (b'"hello"', -32600),
        (b"null", -32600),
        (b"{}", -32600),
        (deep, -32600),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, -32600),
    ]
    seen = []
    for body, code in cases:
        reply = session.post(body)
        seen.append((reply.status, reply.body[:300], body[:100]))
        if code is None:
            continue
        if reply.status != 400 or json.loads(reply.body)["error"]["code"] != code:
            report("UNEXPECTED", seen[-1])
    for status, said, body in seen:
        check(status == 400, body, status, said)
    check(len(server.requests) == before, "something reached the server", server.requests[-1].body[:300])
    # What is deep where only the two ends look passes as it is.
    for deep in (deep, b'{"a":' * 100_000 + b"1" + b"}" * 100_000):
        ask = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fine","arguments":%s}}' % deep
        reply = session.post(ask)
        check(server.requests[-1].body == ask, reply)
    still_serves(tap, session)
    tap.end()
    # Across eras too.
    tap = Tap("--listen", "127.0.0.1:0", "--", *child("log", os.devnull))
    ask = json.dumps(modern(1, "tools/call", name="fine", arguments="deep")).encode().replace(b'"deep"', deep)
    reply = post(tap.port, ask, modern_headers("tools/call", "fine"))
    report("deep across eras:", reply)
    still_serves(tap)
    tap.end()


def large_bodies():
    """A body beyond the limit is refused with words; others go on meanwhile."""
    server = Server(legacy(fine))
    tap = bridge(server)
    session = Session(tap.port)
    before = tap.rss()
    size = 100 * MB
    head = request_bytes("POST", "/mcp", [*JSON, *session.headers()], b"")
    head = head.replace(b"Content-Length: 0", b"Content-Length: %d" % size)
    chunked = head.replace(b"Content-Length: %d" % size, b"Transfer-Encoding: chunked")
    opening = b'{"jsonrpc":"2.0","id":"big","method":"tools/call","params":{"name":"fine","arguments":{"a":"'
    for name, start, piece in (
        ("length", head + opening, b"x" * MB),
        ("chunked", chunked + b"%x\r\n" % len(opening) + opening + b"\r\n", b"100000\r\n" + b"x" * MB + b"\r\n"),
    ):
        tap.forget_peak()
        with connect(tap.port) as sock:
            try:
                sock.sendall(start)
                for _ in range(100):
                    sock.sendall(piece)
            except OSError:
                pass
            reply = read_reply(sock)
        refused(reply, 413)
        error = json.loads(reply.body)
        check(str(64 * MB) in error["error"]["message"] and error["id"] in ("big", None), error)
        report(name, "413:", error, "peak", tap.peak() // MB, "MB")
        check(tap.peak() < 300 * MB, tap.peak())
        still_serves(tap, session)
    report("rss", before // MB, "->", tap.rss() // MB, "MB")
    # Just within the limit.
    tap.forget_peak()
    body = opening + b"x" * (60 * MB) + b'"}}}'
    check("fine" in str(session.post(body).answer()))
    report("60 MB passed: peak", tap.peak() // MB, "MB")
    check(tap.peak() < 400 * MB, tap.peak())
    tap.end()

    tap = Tap(server.url).read_lines()
    tap.greet()
    tap.forget_peak()
    tap.process.stdin.write(opening)
    for _ in range(100):
        tap.process.stdin.write(b"x" * MB)
    tap.say(b'"}}}')
    answer = tap.answer("big")
    check("too large" in answer["error"]["message"], answer)
    report("line:", answer, "peak", tap.peak() // MB, "MB")
    check(tap.peak() < 300 * MB, tap.peak())
    tap.say(call(1, "fine"))
    check("fine" in str(tap.answer(1)))
    tap.end()


def silent_readers():
    """Clients that do not read are cut off or wait, and cost little."""

    def floods(request, sock):
        sock.sendall(SSE_HEAD)
        note = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "x" * 60_000}})
        event = b"data: " + note.encode() + b"\n\n"
        try:
            for _ in range(1500):
                sock.sendall(event)
        except OSError:
            pass

    tools = lambda request, sock: (floods if request.tool == "floods" else fine)(request, sock)
    server = Server(legacy(tools))
    tap = bridge(server)
    session = Session(tap.port)
    socks = []
    for n in range(3):
        sock = connect(tap.port)
        body = json.dumps(call(n + 1, "floods")).encode()
        sock.sendall(request_bytes("POST", "/mcp", [*JSON, *session.headers()], body))
        socks.append(sock)
    time.sleep(4)
    still_serves(tap, session)
    report("3 clients that do not read 90 MB each: rss", tap.rss() // MB, "peak", tap.peak() // MB, "MB")
    check(tap.peak() < 150 * MB, tap.peak())
    tap.end()

    tap = Tap(server.url)
    tap.say({**FIRST, "id": "greeting"})
    tap.say({"jsonrpc": "2.0", "method": "notifications/initialized"})
    tap.say(call(0, "floods"))
    time.sleep(4)
    report("a pipe that is not read: rss", tap.rss() // MB, "peak", tap.peak() // MB, "MB")
    check(tap.peak() < 150 * MB, tap.peak())
    tap.read_lines()
    check("result" in tap.answer("greeting"), "it is all there once it is read")
    tap.say(call(2, "fine"))
    check("fine" in str(tap.answer(2)))
    tap.process.kill()


def pushed_at():
    """What a server says to clients that do not listen is kept only within bounds."""
    note = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "x" * 50_000}})

    def handle(request, sock):
        if request.method == "GET":
            sock.sendall(SSE_HEAD)
            for _ in range(100):
                sock.sendall(b"data: " + note.encode() + b"\n\n")
            time.sleep(1000)
        return legacy(fine)(request, sock)

    server = Server(handle)
    tap = bridge(server)
    sessions = [Session(tap.port) for _ in range(60)]
    socks = []
    for session in sessions[:30]:
        # Listens and does not read.
        sock = connect(tap.port)
        sock.sendall(request_bytes("GET", "/mcp", [("Accept", "text/event-stream"), *session.headers()]))
        socks.append(sock)
    check(eventually(lambda: sum(request.method == "GET" for request in server.requests) >= 30))
    time.sleep(3)
    still_serves(tap, sessions[-1])
    report("30 clients that do not read 5 MB each: rss", tap.rss() // MB, "peak", tap.peak() // MB, "MB")
    check(tap.peak() < 400 * MB, tap.peak())
    for sock in socks:
        sock.close()
    still_serves(tap, sessions[0])
    tap.end()


def batches():
    """Batches of 2025-03-26 are bounded like all that waits."""
    server = Server(legacy(fine))
    tap = bridge(server)
    session = Session(tap.port, revision="2025-03-26")
    one = b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"fine"}}'
    answers = session.post(b"[" + b",".join(one % n for n in range(50)) + b"]").messages[0]
    check(sorted(answer["id"] for answer in answers) == list(range(50)), answers)
    before = len(server.requests)
    for batch in (
        b"[" + b",".join([one % 1, one % 1]) + b"]",
        b"[[" + one % 1 + b"]]",
        b"[" + json.dumps(FIRST).encode() + b"]",
        b"[" + b",".join(one % n for n in range(300_000)) + b"]",
        b"[" + b",".join([b"1"] * 3_000_000) + b"]",
        b"[" + b",".join([b"[]"] * 1_000_000) + b"]",
    ):
        tap.forget_peak()
        reply = session.post(batch)
        report(len(batch), "bytes:", reply.status, reply.body[:150], "peak", tap.peak() // MB, "MB")
        check(len(reply.body) < 30 * MB and tap.peak() < 600 * MB, tap.peak())
    report("of them", len(server.requests) - before, "requests reached the server; rss", tap.rss() // MB, "MB")
    still_serves(tap, session)
    tap.end()


def slow_loris():
    """Heads that come byte by byte take no place from others."""
    server = Server(legacy(fine))
    tap = bridge(server)
    socks = [connect(tap.port) for _ in range(300)]
    for n, sock in enumerate(socks):
        sock.sendall(b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-" + str(n).encode())
    session = Session(tap.port)
    for _ in range(3):
        for sock in socks:
            sock.sendall(b"a")
        still_serves(tap, session)
    # Bodies that never end.
    for n in range(100):
        sock = connect(tap.port)
        sock.sendall(request_bytes("POST", "/mcp", [*JSON, *session.headers()], b"x" * 1000)[:-999])
        socks.append(sock)
    still_serves(tap, session)
    report("400 slow clients: rss", tap.rss() // MB, "MB")
    tap.end()


def two_thousand():
    """Two thousand connections at once are served or turned away, and forgotten."""
    server = Server(legacy(fine))
    tap = bridge(server)
    session = Session(tap.port)
    before = tap.rss()
    socks = []
    for _ in range(2000):
        socks.append(connect(tap.port))
    ask = request_bytes("POST", "/mcp", [*JSON, *session.headers()], json.dumps(call(1, "fine")).encode())
    statuses = {}
    threads = []
    lock = threading.Lock()

    def run(part):
        for n, sock in part:
            try:
                body = json.dumps(call(n, "fine")).encode()
                sock.sendall(request_bytes("POST", "/mcp", [*JSON, *session.headers()], body))
            except OSError:
                pass
        for _, sock in part:
            try:
                status = read_reply(sock).status
            except (OSError, AssertionError):
                status = "closed"
            with lock:
                statuses[status] = statuses.get(status, 0) + 1
            sock.close()

    numbered = list(enumerate(socks))
    for n in range(8):
        threads.append(threading.Thread(target=run, args=(numbered[n::8],)))
        threads[-1].start()
    for thread in threads:
        thread.join(80)
    report("2000 connections:", statuses, "rss", before // MB, "->", tap.rss() // MB, "peak", tap.peak() // MB, "MB")
    check(ask and statuses.get(200, 0) >= 500 and set(statuses) <= {200, 503, "closed"}, statuses)
    still_serves(tap, session)
    check(tap.peak() < 300 * MB, tap.peak())
    tap.end()


def ten_thousand_sessions():
    """Sessions that are opened and never closed cost little, over HTTP."""
    server = Server(legacy(fine))
    tap = bridge(server)
    first = Session(tap.port)
    before = tap.rss()
    N = 10_000
    ids = set()
    body = json.dumps(FIRST).encode()
    ask = request_bytes("POST", "/mcp", JSON, body, close=False)

    def run():
        with connect(tap.port) as sock:
            file = sock.makefile("rb")
            for _ in range(N // 8):
                sock.sendall(ask)
                status, headers = read_head(file)
                read_body(file, headers)
                check(" 200 " in status, status)
                ids.add(headers["mcp-session-id"])

    threads = [threading.Thread(target=run) for _ in range(8)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    took = time.monotonic() - began
    report(f"{len(ids)} sessions in {took:.0f} s: rss", before // MB, "->", tap.rss() // MB, "peak", tap.peak() // MB)
    check(len(ids) == N, len(ids))
    check(tap.rss() < 250 * MB, tap.rss())
    still_serves(tap, first)
    tap.process.kill()


def many_children():
    """Sessions of a command that are dropped make room for others, whose processes stay within a bound."""
    tap = Tap("--listen", "127.0.0.1:0", "--", "sh", "-c", MINI)
    first = Session(tap.port)
    for n in range(400):
        reply = post(tap.port, FIRST)
        check(reply.status == 200 and "result" in reply.answer(), n, reply)
    report("400 sessions, rss", tap.rss() // MB, "MB, children", len(all_children(tap)))
    check(eventually(lambda: len(all_children(tap)) <= 270), len(all_children(tap)))
    still_serves(tap, first)
    pids = all_children(tap)
    tap.end()
    check(eventually(lambda: not any(map(is_alive, pids))))


MINI = r"""
while read -r line; do
  id=${line#*\"id\":}; id=${id# }; id=${id%%[,\}]*}
  case "$line" in
    *'"initialize"'*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"mini","version":"1"}}}' ;;
    *'"tools/call"'*) echo '{"jsonrpc":"2.0","id":'$id',"result":{"content":[{"type":"text","text":"fine"}]}}' ;;
    *'"server/discover"'*) echo '{"jsonrpc":"2.0","id":'$id',"error":{"code":-32601,"message":"no"}}' ;;
  esac
done
"""


def all_children(tap):
    with open(f"/proc/{tap.pid}/task/{tap.pid}/children") as file:
        return [int(pid) for pid in file.read().split()]


def smuggling():
    """Requests whose end is a matter of opinion are refused, and nothing odd reaches the server."""
    server = Server(legacy(fine))
    tap = bridge(server)
    session = Session(tap.port)
    host = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    host += b"Mcp-Session-Id: " + session.id.encode() + b"\r\n"
    inner = json.dumps(call(666, "smuggled")).encode()
    hidden = host + b"Content-Length: %d\r\n\r\n" % len(inner) + inner
    good = json.dumps(call(1, "fine")).encode()
    chunk = b"%x\r\n" % len(good) + good + b"\r\n0\r\n\r\n"
    shapes = [
        host + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % 4 + chunk,
        host + b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n" % len(chunk) + chunk,
        host + b"Content-Length: %d\r\nContent-Length: %d\r\n\r\n" % (len(good), len(good) + len(hidden)) + good + hidden,
        host + b"Content-Length: %d, %d\r\n\r\n" % (len(good), 5) + good,
        host + b"Content-Length: +%d\r\n\r\n" % len(good) + good,
        host + b"Content-Length: -1\r\n\r\n" + good,
        host + b"Content-Length : %d\r\n\r\n" % len(good) + good,
        host + b"Content-Length: 0x%x\r\n\r\n" % len(good) + good,
        host + b"Transfer-Encoding: xchunked\r\n\r\n" + chunk,
        host + b"Transfer-Encoding: chunked, identity\r\n\r\n" + chunk,
        host + b"Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\n" + good,
        host + b"Transfer-Encoding:\x0bchunked\r\n\r\n" + chunk,
        host + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunk,
        host + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x;\n" % len(good) + good + b"\r\n0\r\n\r\n",
        host + b"Transfer-Encoding: chunked\r\n\r\n" + b"ffffffffffffffffff\r\n" + good + b"\r\n0\r\n\r\n",
        host + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + good + b"\r\n0\r\n\r\n",
        host + b" Folded: yes\r\nContent-Length: %d\r\n\r\n" % len(good) + good,
        host + b"X: a\rTransfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n" % len(good) + good,
        host + b"X: a\nTransfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n" % len(good) + good,
        host + b"X: a\x00b\r\nContent-Length: %d\r\n\r\n" % len(good) + good,
        host.replace(b"/mcp", b"/mcp HTTP/1.1\r\nX: y", 1) + b"Content-Length: %d\r\n\r\n" % len(good) + good,
        host.replace(b"/mcp", b"http://evil.example/mcp") + b"Content-Length: %d\r\n\r\n" % len(good) + good,
        host.replace(b"Host: 127.0.0.1", b"Host: 127.0.0.1\r\nHost: evil.example")
        + b"Content-Length: %d\r\n\r\n" % len(good) + good,
        b"GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % len(hidden) + hidden,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hidden,
        hidden[: len(host) - 2] + b"Connection: Mcp-Session-Id, Content-Length\r\nContent-Length: %d\r\n\r\n" % len(good) + good,
    ]
    for n, raw in enumerate(shapes):
        before = len(server.requests)
        with connect(tap.port, 5) as sock:
            sock.sendall(raw)
            came = b""
            sock.settimeout(0.4)
            try:
                while piece := sock.recv(65536):
                    came += piece
            except OSError:
                pass
        reached = [request for request in server.requests[before:] if request.rpc != "notifications/initialized"]
        for request in reached:
            # What reaches the server is one call that somebody asked for, in a frame that is ours.
            check(request.body == good, n, raw[:400], request.body)
            check(request.headers.get("content-length") == str(len(good)), request.headers)
            check("transfer-encoding" not in request.headers and request.path == "/mcp", request.headers)
        lines = [line for line in came.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
        report(n, len(reached), lines)
        check(len(lines) <= 2, n, came)
    check(not any(request.tool == "smuggled" for request in server.requests))
    still_serves(tap, session)
    tap.end()


main(globals())
