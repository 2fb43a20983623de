"""What the Python servers of both generations offer, in the words of the conformance suite's fixture."""

import base64
import json
import socket
import sys

import anyio
import uvicorn

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)


def offer(server, Context, Image, Completion):
    """Registers what both generations spell alike; questions and changes are their own."""

    @server.tool()
    def test_simple_text() -> str:
        return "This is a simple text response for testing."

    @server.tool()
    def test_image_content() -> Image:
        return Image(data=PIXEL, format="png")

    @server.tool(structured_output=False)
    def test_multiple_content_types() -> list:
        return ["Multiple content types test:", Image(data=PIXEL, format="png")]

    @server.tool()
    def test_error_handling() -> str:
        raise ValueError("This tool intentionally returns an error for testing")

    @server.tool()
    async def test_tool_with_progress(ctx: Context) -> str:
        for progress in (0, 50, 100):
            await ctx.report_progress(progress, 100)
            await anyio.sleep(0.05)
        return "done in three steps of 100"

    @server.tool()
    async def test_tool_with_logging(ctx: Context) -> str:
        for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await ctx.log("info", words)
            await anyio.sleep(0.05)
        return "logged three times"

    @server.resource("test://static-text", mime_type="text/plain")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    def static_binary() -> bytes:
        return PIXEL

    @server.resource("test://template/{id}/data", mime_type="application/json")
    def template(id: str) -> str:
        return json.dumps({"id": id, "data": f"Data for ID: {id}"})

    @server.prompt()
    def test_simple_prompt() -> str:
        return "This is a simple prompt for testing."

    @server.prompt()
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.completion()
    async def complete(ref, argument, context):
        return Completion(values=[word for word in ("paris", "park", "party") if word.startswith(argument.value)])


def serve(server):
    """Runs `stdio`, or on a free port of loopback `http` or `sse`, and says there where it listens."""
    kind = sys.argv[1]
    if kind == "stdio":
        return server.run()
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"listening on port {listener.getsockname()[1]}", file=sys.stderr, flush=True)
    app = server.sse_app() if kind == "sse" else server.streamable_http_app()
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
