"""The Python SDK 2.x: python py2.py legacy|auto|modern PLAN stdio COMMAND… | http URL | sse URL."""

import contextlib

import anyio
import mcp_types as types
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from play import ANSWER, ERA, KIND, TARGET, asked, changes, logged, play, text_of


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
    if isinstance(message, types.ToolListChangedNotification):
        changes.append(message.method)


class Sdk:
    def __init__(self, client):
        self.modern = client.protocol_version >= "2026"
        # A pinned client asks for nothing before its first request.
        met = [client.server_info, client.protocol_version, client.server_capabilities, client.instructions]
        self.met = "not said by this client" if ERA == "modern" else met
        self.client = client
        self.ping = client.send_ping
        self.tools = client.list_tools
        self.call = client.call_tool
        self.resources = client.list_resources
        self.templates = client.list_resource_templates
        self.read = client.read_resource
        self.subscribe = client.subscribe_resource
        self.unsubscribe = client.unsubscribe_resource
        self.prompts = client.list_prompts
        self.prompt = client.get_prompt
        self.complete = lambda prompt, argument: client.complete(
            types.PromptReference(type="ref/prompt", name=prompt), argument
        )

    async def level(self):
        # Each request of the modern era says its level itself.
        return {} if self.modern else await self.client.set_logging_level("debug")

    def tool_changes(self):
        return self.client.listen(tools_list_changed=True) if self.modern else contextlib.AsyncExitStack()


def server():
    if KIND == "stdio":
        return stdio_client(StdioServerParameters(command=TARGET[0], args=TARGET[1:]), errlog=open("/dev/null", "w"))
    return sse_client(TARGET[0]) if KIND == "sse" else TARGET[0]


async def main():
    client = Client(
        server(),
        mode="2026-07-28" if ERA == "modern" else ERA,
        elicitation_callback=elicit,
        sampling_callback=sample,
        list_roots_callback=roots,
        logging_callback=log,
        log_level="debug",
        message_handler=hear,
    )
    async with client:
        await play(Sdk(client))


anyio.run(main)
