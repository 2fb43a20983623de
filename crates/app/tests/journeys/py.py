"""The conversation with the Python SDK 2.x: python py.py stdio COMMAND… | http URL; one JSON line a step."""

import json
import re
import sys

import anyio
import mcp_types as types
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

asked = []


def say(step, saw):
    if hasattr(saw, "model_dump"):
        saw = saw.model_dump(mode="json", by_alias=True, exclude_none=True)
    text = json.dumps({"step": step, "saw": saw}, ensure_ascii=True)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z?", "<time>", text)
    print(re.sub(r"\d{1,2}:\d\d:\d\d\s?(AM|PM)?", "<time>", text), flush=True)


async def step(name, run):
    try:
        say(name, await run())
    except Exception as error:  # What the client's user sees is the point, whatever its type.
        detail = getattr(error, "error", None)
        say(name, {"error": type(error).__name__, "message": str(error), "code": getattr(detail, "code", None)})


async def elicit(context, params):
    asked.append(params.model_dump(mode="json", by_alias=True, exclude_none=True))
    content = {"name": "Ada", "check": True, "color": "red", "email": "ada@example.com", "firstLine": "x"}
    return types.ElicitResult(action="accept", content=content)


async def sample(context, params):
    asked.append(params.model_dump(mode="json", by_alias=True, exclude_none=True))
    text = types.TextContent(type="text", text="forty-two")
    return types.CreateMessageResult(role="assistant", model="none", content=text)


async def roots(context):
    asked.append("roots")
    return types.ListRootsResult(roots=[types.Root(uri="file:///tmp/a", name="a")])


async def converse(client):
    call = client.call_tool
    say("connect", [client.server_info.model_dump(mode="json", exclude_none=True), client.protocol_version])
    await step("tools", client.list_tools)
    await step("echo", lambda: call("echo", {"message": "plain"}))
    await step("echo unicode", lambda: call("echo", {"message": 'é \u2028 \u0000 😀 "quoted" \\ end'}))
    await step("echo large", lambda: call("echo", {"message": "x" * 300_000}))
    await step("sum", lambda: call("get-sum", {"a": 2, "b": 40}))
    await step("structured", lambda: call("get-structured-content", {"location": "New York"}))
    await step("image", lambda: call("get-tiny-image", {}))
    await step("links", lambda: call("get-resource-links", {"count": 3}))
    await step("wrong arguments", lambda: call("get-sum", {"a": "two"}))
    await step("unknown tool", lambda: call("no-such-tool", {}))
    await step("elicitation", lambda: call("trigger-elicitation-request", {}))
    await step("sampling", lambda: call("trigger-sampling-request", {"prompt": "meaning?", "maxTokens": 10}))
    await step("roots", lambda: call("get-roots-list", {}))
    # Whether this server asks for the roots once or twice is a race inside of it.
    say("asked of the client", sorted({json.dumps(one) for one in asked}))
    await step("templates", client.list_resource_templates)
    await step("read text", lambda: client.read_resource("demo://resource/dynamic/text/1"))
    await step("read unknown", lambda: client.read_resource("demo://nothing/here"))
    await step("prompts", client.list_prompts)
    await step("prompt", lambda: client.get_prompt("args-prompt", {"city": "Paris", "state": "Texas"}))
    await step("prompt without arguments", lambda: client.get_prompt("args-prompt"))
    await step("after all that", lambda: call("echo", {"message": "still here"}))


async def main():
    kind, *target = sys.argv[1:]
    if kind == "stdio":
        server = stdio_client(StdioServerParameters(command=target[0], args=target[1:]), errlog=open("/dev/null", "w"))
    else:
        server = target[0]
    async with Client(server, elicitation_callback=elicit, sampling_callback=sample, list_roots_callback=roots) as client:
        await converse(client)
    say("close", None)


anyio.run(main)
