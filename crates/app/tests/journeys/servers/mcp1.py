"""A server on the Python SDK 1.x: python mcp1.py stdio|http|sse."""

from functools import partial

from fixture import offer, serve
from mcp import types
from mcp.server.fastmcp import Context, FastMCP, Image
from mcp.server.lowlevel import NotificationOptions
from pydantic import BaseModel

server = FastMCP("python-1", log_level="ERROR")
offer(server, Context, Image, types.Completion)
# FastMCP has no words for it, but who tells of changes declares that it does.
core = server._mcp_server
core.create_initialization_options = partial(core.create_initialization_options, NotificationOptions(tools_changed=True))


class User(BaseModel):
    username: str
    email: str


@server.tool()
async def test_sampling(prompt: str, ctx: Context) -> str:
    message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=prompt))
    result = await ctx.session.create_message([message], max_tokens=100)
    return f"LLM response: {result.content.text}"


@server.tool()
async def test_elicitation(message: str, ctx: Context) -> str:
    result = await ctx.elicit(message, User)
    return f"User response: action={result.action}, content={result.data.model_dump_json()}"


@server.tool()
async def test_input_required_result_list_roots(ctx: Context) -> str:
    return ",".join(str(root.uri) for root in (await ctx.session.list_roots()).roots)


@server.tool()
async def test_trigger_tool_change(ctx: Context) -> str:
    await ctx.session.send_tool_list_changed()
    return "told"


serve(server)
