"""Taps, servers and children that end, and what begins again."""

import signal
import socket
import threading
import time

from rig import *


def fine(request, sock):
    if request.tool == "never":
        time.sleep(1000)
    return ok(result(request.id, text("fine")))


def is_fine(answer):
    return "fine" in json.dumps(answer.get("result"))


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def twenty_children(*mode):
    tap = Tap("--listen", "127.0.0.1:0", "--", *child(*mode))
    sessions = [Session(tap.port) for _ in range(20)]
    for n, session in enumerate(sessions):
        check(is_fine(session.post(call(n, "fine")).answer()))
    pids = tap.children()
    check(len(pids) >= 20, pids)
    return tap, sessions, pids


def killed():
    """A tap that is killed leaves no child, even one that ignores what it is asked."""
    for mode in (["plain"], ["stubborn"]):
        tap, _, pids = twenty_children(*mode)
        tap.process.kill()
        began = time.monotonic()
        check(eventually(lambda: not any(map(is_alive, pids))), [pid for pid in pids if is_alive(pid)])
        report(mode, "all gone after", round(time.monotonic() - began, 1), "s")


def terminated():
    """A tap that is asked to end ends its children, and says goodbye to its server."""
    tap, _, pids = twenty_children("plain")
    began = time.monotonic()
    tap.end()
    report("ended after", round(time.monotonic() - began, 1), "s")
    check(eventually(lambda: not any(map(is_alive, pids))), pids)

    for is_waiting in (False, True):
        server = Server(legacy(fine))
        tap = Tap(server.url).read_lines()
        tap.greet()
        if is_waiting:
            tap.say(call(1, "never"))
            check(eventually(lambda: server.asked("tools/call")))
        began = time.monotonic()
        tap.process.send_signal(signal.SIGTERM)
        check(tap.process.wait(PATIENCE) == 0)
        report("ended after", round(time.monotonic() - began, 1), "s")
        gone = [request.headers.get("mcp-session-id") for request in server.requests if request.method == "DELETE"]
        check(gone == ["far-1"], is_waiting, gone)

    # Clients over HTTP can come back to the next tap of this home, so that the server keeps what is theirs.
    tap = Tap("--bridge", "--listen", f"127.0.0.1:{free_port()}", server.url)
    session = Session(tap.port)
    tap.end()
    tap = Tap("--bridge", "--listen", f"127.0.0.1:{tap.port}", server.url, env={"TAPGATE_HOME": tap.home})
    check(is_fine(session.post(call(1, "fine")).answer()))
    check(len(server.asked("initialize")) == 2)
    tap.end()


def restarted_server():
    """A server that comes back on its port is greeted again; what was under way is one error."""
    for listen in ([], ["--bridge", "--listen", "127.0.0.1:0"]):
        server = Server(legacy(fine, "old"))
        tap = Tap(*listen, server.url)
        if listen:
            session = Session(tap.port)
            ask = lambda id, name: session.post(call(id, name)).answer()
        else:
            tap.read_lines().greet()
            ask = lambda id, name: (tap.say(call(id, name)), tap.answer(id))[1]
        check(is_fine(ask(1, "fine")))
        answers = []
        if listen:
            thread = threading.Thread(target=lambda: answers.append(ask(2, "never")))
            thread.start()
        else:
            tap.say(call(2, "never"))
        check(eventually(lambda: len(server.asked("tools/call")) == 2))
        server.stop()
        answers.append(tap.answer(2)) if not listen else thread.join(PATIENCE)
        check(len(answers) == 1 and answers[0]["error"]["message"], answers)
        report("in flight:", answers[0]["error"]["message"])
        # While it is away: an error each, at once.
        answer = ask(3, "fine")
        report("away:", answer["error"]["message"])

        # It comes back and knows nobody.
        known = set()

        def forgetful(request, sock):
            session = request.headers.get("mcp-session-id")
            if request.rpc == "initialize":
                known.add(f"new-{len(known) + 1}")
                return legacy(fine, None)(request, sock).replace(
                    b"\r\nContent-Length", b"\r\nMcp-Session-Id: new-%d\r\nContent-Length" % len(known), 1
                )
            if session not in known:
                return http("404 Not Found", b'{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"?"}}')
            return legacy(fine)(request, sock)

        server = Server(forgetful, server.port)
        answer = ask(4, "fine")
        check(is_fine(answer), "the next call works", answer)
        check(len(server.asked("initialize")) >= 1 and server.asked("notifications/initialized"))
        sent = [request for request in server.asked("tools/call") if request.headers.get("mcp-session-id") in known]
        check(len(sent) == 1, "the call was served", len(sent), "times")
        check(is_fine(ask(5, "fine")))
        tap.end()


def restarted_modern_server():
    """Without sessions there is nothing to greet."""
    server = Server(modern_server(fine))
    tap = Tap("--bridge", "--listen", "127.0.0.1:0", server.url)

    def ask(id, name="fine"):
        return post(tap.port, modern(id, "tools/call", name=name, arguments={}), modern_headers("tools/call", name))

    check(is_fine(ask(1).answer()))
    answers = []
    thread = threading.Thread(target=lambda: answers.append(ask(2, "never")))
    thread.start()
    check(eventually(lambda: len(server.asked("tools/call")) == 2))
    server.stop()
    thread.join(PATIENCE)
    check(len(answers) == 1 and "error" in answers[0].answer(), answers)
    check("error" in ask(3).answer())
    server = Server(modern_server(fine), server.port)
    check(is_fine(ask(4).answer()))
    check(len(server.asked("tools/call")) == 1)
    tap.end()


def late_server():
    """A server that is not there at the start is found when it comes."""
    for era in ("legacy", "modern"):
        port = free_port()
        url = f"http://127.0.0.1:{port}/mcp"
        tap = Tap(url).read_lines()
        web = Tap("--bridge", "--listen", "127.0.0.1:0", url)
        hi = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello()}
        for id in (1, 2):
            answer = tap.ask(id, "initialize", hello())
            check("error" in answer, answer)
            check("error" in post(web.port, hi).answer())
            reply = post(web.port, modern(1, "tools/list"), modern_headers("tools/list"))
            check("error" in reply.answer(), reply)
        report("not there:", answer["error"]["message"])
        server = Server(legacy(fine) if era == "legacy" else modern_server(fine), port)
        check("result" in tap.greet())
        tap.say(call(3, "fine"))
        check(is_fine(tap.answer(3)))
        check(is_fine(Session(web.port).post(call(1, "fine")).answer()))
        reply = post(web.port, modern(2, "tools/call", name="fine", arguments={}), modern_headers("tools/call", "fine"))
        check(is_fine(reply.answer()), reply)
        tap.end()
        web.end()
        server.stop()


def killed_child():
    """A child that is killed is followed by another one, in whatever era it is spoken to."""
    for era in ("legacy", "modern"):
        tap = Tap("--bridge", "--", *child("plain", era)).read_lines()
        tap.greet()
        web = Tap("--listen", "127.0.0.1:0", "--", *child("plain", era))

        def modern_call(id, name):
            headers = modern_headers("tools/call", name)
            return post(web.port, modern(id, "tools/call", name=name, arguments={}), headers).answer()

        session = Session(web.port)
        ways = [
            (tap, lambda id, name: (tap.say(call(id, name)), tap.answer(id))[1]),
            (web, lambda id, name: session.post(call(id, name)).answer()),
            (web, modern_call),
        ]
        for n, (tap_, ask) in enumerate(ways):
            before = ask(1, "pid")["result"]["content"][0]["text"]
            answers = []
            thread = threading.Thread(target=lambda: answers.append(ask(2, "never")))
            thread.start()
            time.sleep(0.3)
            os.kill(int(before), signal.SIGKILL)
            thread.join(PATIENCE)
            check(len(answers) == 1 and "signal 9" in answers[0]["error"]["message"], era, n, answers)
            began = time.monotonic()
            after = ask(3, "pid")
            check("result" in after, era, n, after)
            check(after["result"]["content"][0]["text"] != before, after)
            report(era, n, "next call after", round(time.monotonic() - began, 2), "s")
        tap.end()
        web.end()


def crash_loop():
    """A child that dies at every call is not started without end, and everybody is told."""
    tap = Tap("--bridge", "--", *child("plain")).read_lines()
    tap.greet()
    began = time.monotonic()
    n_errors = 0
    for id in range(1000):
        tap.say(call(id, "dies"))
        n_errors += "error" in tap.answer(id)
        if time.monotonic() - began > 5:
            break
    report(n_errors, "errors for", id + 1, "calls in 5 s")
    check(n_errors == id + 1)
    check(eventually(lambda: (tap.say(call(f"again", "fine")), "result" in tap.answer("again"))[1]))
    tap.end()


main(globals())
