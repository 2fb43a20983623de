"""A server on the Python SDK 2.x, which speaks both eras: python mcp2.py stdio|http|sse."""

from typing import Annotated

import mcp_types as types
from fixture import offer, serve
from mcp.server.mcpserver import Context, Elicit, Image, ListRoots, MCPServer, Resolve, Sample
from pydantic import BaseModel

server = MCPServer("python-2", log_level="ERROR")
offer(server, Context, Image, types.Completion)


class User(BaseModel):
    username: str
    email: str


def said(prompt: str) -> Sample:
    message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=prompt))
    return Sample([message], max_tokens=100)


def who(message: str) -> Elicit[User]:
    return Elicit(message, User)


def where() -> ListRoots:
    return ListRoots()


@server.tool()
async def test_sampling(prompt: str, result: Annotated[types.CreateMessageResult, Resolve(said)]) -> str:
    return f"LLM response: {result.content.text}"


@server.tool()
async def test_elicitation(message: str, user: Annotated[User, Resolve(who)]) -> str:
    return f"User response: action=accept, content={user.model_dump_json()}"


@server.tool()
async def test_input_required_result_list_roots(roots: Annotated[types.ListRootsResult, Resolve(where)]) -> str:
    return ",".join(str(root.uri) for root in roots.roots)


@server.tool()
async def test_trigger_tool_change(ctx: Context) -> str:
    if (ctx.protocol_version or "") >= "2026":
        await ctx.notify_tools_changed()
    else:
        await ctx.session.send_tool_list_changed()
    return "told"


serve(server)
