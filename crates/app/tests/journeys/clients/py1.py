"""The Python SDK 1.x: python py1.py legacy PLAN stdio COMMAND… | http URL | sse URL."""

import contextlib

import anyio
from mcp import ClientSession, StdioServerParameters, types
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from play import ANSWER, KIND, TARGET, asked, changes, logged, play, text_of
from pydantic import AnyUrl


async def elicit(context, params):
    asked.append(text_of(params))
    return types.ElicitResult(action="accept", content=ANSWER)


async def sample(context, params):
    asked.append(text_of(params))
    text = types.TextContent(type="text", text="forty-two")
    return types.CreateMessageResult(role="assistant", model="none", content=text)


async def roots(context):
    asked.append("roots")
    return types.ListRootsResult(roots=[types.Root(uri="file:///tmp/a", name="a")])


async def log(params):
    logged.append(text_of(params))


async def hear(message):
    if isinstance(message, types.ServerNotification) and isinstance(message.root, types.ToolListChangedNotification):
        changes.append(message.root.method)


class Sdk:
    modern = False

    def __init__(self, session, met):
        self.met = met
        self.ping = session.send_ping
        self.tools = session.list_tools
        self.call = session.call_tool
        self.level = lambda: session.set_logging_level("debug")
        self.resources = session.list_resources
        self.templates = session.list_resource_templates
        self.read = lambda uri: session.read_resource(AnyUrl(uri))
        self.subscribe = lambda uri: session.subscribe_resource(AnyUrl(uri))
        self.unsubscribe = lambda uri: session.unsubscribe_resource(AnyUrl(uri))
        self.prompts = session.list_prompts
        self.prompt = session.get_prompt
        self.complete = lambda prompt, argument: session.complete(
            types.PromptReference(type="ref/prompt", name=prompt), argument
        )
        self.tool_changes = contextlib.AsyncExitStack


def transport():
    if KIND == "stdio":
        return stdio_client(StdioServerParameters(command=TARGET[0], args=TARGET[1:]), errlog=open("/dev/null", "w"))
    return {"http": streamable_http_client, "sse": sse_client}[KIND](TARGET[0])


async def main():
    async with transport() as (read, write, *_):
        callbacks = dict(
            sampling_callback=sample,
            elicitation_callback=elicit,
            list_roots_callback=roots,
            logging_callback=log,
            message_handler=hear,
        )
        async with ClientSession(read, write, **callbacks) as session:
            await play(Sdk(session, await session.initialize()))


anyio.run(main)
