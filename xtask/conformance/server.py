"""What the suite asks for once more, on the official Python SDK: python server.py stdio|http

Another SDK is strict and lenient in other places, so a proxy that suits one server may fail with the other.
On http it picks a free port of loopback and prints its URL.
"""

import asyncio
import json
import re
import socket
import sys
import warnings

import mcp_types as types
import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http import EventMessage, EventStore
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, PromptsListChanged, ToolsListChanged
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata

MODERN = "2026-07-28"
STRING = {"type": "string"}
PIXEL = {
    "mimeType": "image/png",
    "data": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC",
}
IMAGE = {"type": "image", **PIXEL}
AUDIO = {
    "type": "audio",
    "mimeType": "audio/wav",
    "data": "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=",
}

bus = InMemorySubscriptionBus()
tools = {}
prompts = {}


def text(words):
    return {"type": "text", "text": words}


def embedded(uri, mime, words):
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime, "text": words}}


def fields(properties, required=None):
    return {"type": "object", "properties": properties, "required": list(properties) if required is None else required}


def tool(name, schema=None):
    def keep(run):
        described = {"name": name, "description": f"Fixture: {name}", "inputSchema": schema or {"type": "object"}}
        tools[name] = (types.Tool.model_validate(described), run)
        return run

    return keep


class Needed(Exception):
    """What a request still needs from its client before it can be answered."""


class Call:
    """A request that may ask its client, at once in the legacy era and with `input_required` in the modern one."""

    def __init__(self, ctx, params):
        self.ctx = ctx
        self.session = ctx.session
        self.modern = ctx.protocol_version >= MODERN
        self.arguments = params.arguments or {}
        self.responses = params.input_responses or {}
        self.state = json.loads(params.request_state) if params.request_state else {}

    def has(self, capability):
        declared = self.session.client_capabilities
        return getattr(declared, capability, None) is not None

    async def need(self, questions, state=None):
        for question in questions.values():
            self.refuse_undeclared(question)
        if self.modern:
            if questions.keys() <= self.responses.keys():
                return self.responses
            raise Needed(types.InputRequiredResult(
                input_requests=questions, request_state=json.dumps(state) if state else None))
        here = ServerMessageMetadata(related_request_id=self.ctx.request_id)
        return {key: await self.session.send_request(question, ANSWERS[type(question)], metadata=here)
                for key, question in questions.items()}

    def refuse_undeclared(self, question):
        capability = CAPABILITIES[type(question)]
        if not self.has(capability):
            raise MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, f"the client does not declare {capability}",
                           {"requiredCapabilities": {capability: {}}})


ANSWERS = {
    types.ElicitRequest: types.ElicitResult,
    types.CreateMessageRequest: types.CreateMessageResult,
    types.ListRootsRequest: types.ListRootsResult,
}
CAPABILITIES = {
    types.ElicitRequest: "elicitation",
    types.CreateMessageRequest: "sampling",
    types.ListRootsRequest: "roots",
}


def question(message, properties, required=None):
    params = types.ElicitRequestFormParams(message=message, requested_schema=fields(properties, required))
    return types.ElicitRequest(params=params)


def prompt(words, most):
    messages = [{"role": "user", "content": text(words)}]
    return types.CreateMessageRequest.model_validate(
        {"method": "sampling/createMessage", "params": {"messages": messages, "maxTokens": most}})


def fixed(name, *content):
    async def run(call):
        return list(content)

    tool(name)(run)


fixed("test_simple_text", text("This is a simple text response for testing."))
fixed("test_image_content", IMAGE)
fixed("test_audio_content", AUDIO)
fixed("test_embedded_resource",
      embedded("test://embedded-resource", "text/plain", "This is an embedded resource content."))
fixed("test_multiple_content_types", text("Multiple content types test:"), IMAGE,
      embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'))
fixed("test_streaming_elicitation", text("nothing but this answer"))


@tool("test_error_handling")
async def fail(call):
    raise ValueError("This tool intentionally returns an error for testing")


@tool("json_schema_2020_12_tool", {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"address": {"$anchor": "addressDef", "type": "object", "properties": {"street": STRING, "city": STRING}}},
    "properties": {
        "name": STRING,
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": STRING,
        "email": STRING,
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
})
async def valid(call):
    return [text("valid")]


@tool("test_x_mcp_header", fields({"region": {"type": "string", "x-mcp-header": "Region"}}, []))
async def region(call):
    return [text(call.arguments.get("region", "nowhere"))]


@tool("test_tool_with_logging")
async def log(call):
    for words in ["Tool execution started", "Tool processing data", "Tool execution completed"]:
        await call.session.send_log_message("info", words, related_request_id=call.ctx.request_id)
        await asyncio.sleep(0.05)
    return [text("logged three times")]


@tool("test_logging_tool")
async def log_once(call):
    await call.session.send_log_message("info", "heard only by who asked", related_request_id=call.ctx.request_id)
    return [text("logged")]


@tool("test_tool_with_progress")
async def progress(call):
    for step in [0, 50, 100]:
        await call.session.report_progress(step, 100)
        await asyncio.sleep(0.05)
    return [text("done in three steps")]


@tool("test_reconnection")
async def reconnect(call):
    if call.ctx.close_sse_stream:
        await call.ctx.close_sse_stream()
    await asyncio.sleep(0.2)
    return [text("answered after the stream was closed")]


@tool("test_trigger_tool_change")
async def tools_change(call):
    await (bus.publish(ToolsListChanged()) if call.modern else call.session.send_tool_list_changed())
    return [text("told")]


@tool("test_trigger_prompt_change")
async def prompts_change(call):
    await (bus.publish(PromptsListChanged()) if call.modern else call.session.send_prompt_list_changed())
    return [text("told")]


def asks(name, ask, report, schema=None):
    async def run(call):
        answers = await call.need({"answer": ask(call.arguments)})
        return [text(report(answers["answer"]))]

    tool(name, schema)(run)


def completed(answer):
    return f"Elicitation completed: action={answer.action}, content={json.dumps(answer.content)}"


def titled(*titles):
    return [{"const": f"value{at}", "title": title} for at, title in enumerate(titles, 1)]


asks("test_sampling", lambda given: prompt(given["prompt"], 100),
     lambda answer: f"LLM response: {answer.content.text}", fields({"prompt": STRING}))
asks("test_missing_capability", lambda _: prompt("Is anybody there?", 10), lambda _: "somebody is there")
asks("test_elicitation", lambda given: question(given["message"], {"username": STRING, "email": STRING}),
     lambda answer: f"User response: action={answer.action}, content={json.dumps(answer.content)}",
     fields({"message": STRING}))
asks("test_elicitation_sep1034_defaults", lambda _: question("Which values?", {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}, []), completed)
asks("test_elicitation_sep1330_enums", lambda _: question("Which options?", {
    "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
    "titledSingle": {"type": "string", "oneOf": titled("First Option", "Second Option", "Third Option")},
    "legacyEnum": {
        "type": "string",
        "enum": ["opt1", "opt2", "opt3"],
        "enumNames": ["Option One", "Option Two", "Option Three"],
    },
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
    "titledMulti": {"type": "array", "items": {"anyOf": titled("First Choice", "Second Choice", "Third Choice")}},
}, []), completed)

ROUNDS = "test_input_required_result_"
NAME = {"name": STRING}


@tool(ROUNDS + "elicitation")
async def hello(call):
    answer = (await call.need({"user_name": question("What is your name?", NAME)}))["user_name"]
    return [text(f"Hello, {answer.content['name']}!")]


@tool(ROUNDS + "sampling")
async def capital(call):
    answer = (await call.need({"capital_question": prompt("What is the capital of France?", 100)}))["capital_question"]
    return [text(answer.content.text)]


@tool(ROUNDS + "list_roots")
async def roots(call):
    answer = (await call.need({"client_roots": types.ListRootsRequest()}))["client_roots"]
    return [text(", ".join(str(root.uri) for root in answer.roots))]


@tool(ROUNDS + "request_state")
@tool(ROUNDS + "tampered_state")
async def confirmed(call):
    await call.need({"confirm": question("Please confirm", {"ok": {"type": "boolean"}})}, {"asked": True})
    return [text("state-ok")]


@tool(ROUNDS + "multiple_inputs")
async def all_three(call):
    await call.need({
        "user_name": question("What is your name?", NAME),
        "greeting": prompt("Generate a greeting", 50),
        "client_roots": types.ListRootsRequest(),
    }, {"asked": True})
    return [text("all three arrived")]


@tool(ROUNDS + "multi_round")
async def two_rounds(call):
    name = call.state.get("name")
    if name is None:
        first = await call.need({"step1": question("Step 1: What is your name?", NAME)}, {"step": 1})
        name = first["step1"].content["name"]
    step2 = {"step2": question("Step 2: What is your favorite color?", {"color": STRING})}
    second = await call.need(step2, {"name": name})
    return [text(f"{name} likes {second['step2'].content['color']}")]


@tool(ROUNDS + "capabilities")
async def possible(call):
    questions = {
        "elicitation": question("What is your name?", NAME),
        "roots": types.ListRootsRequest(),
        "sampling": prompt("Say hello", 50),
    }
    await call.need({name: asked for name, asked in questions.items() if call.has(name)})
    return [text("all is said")]


def describe(name, run, *arguments):
    listed = [{"name": argument, "required": True} for argument in arguments]
    described = {"name": name, "description": f"Fixture: {name}", "arguments": listed}
    prompts[name] = (types.Prompt.model_validate(described), run)


async def in_context(call):
    ask = {"user_context": question("What context should the prompt use?", {"context": STRING})}
    answer = (await call.need(ask))["user_context"]
    return [text(f"In the context of {answer.content['context']}:")]


def told(*content):
    async def run(call):
        return [item(call.arguments) if callable(item) else item for item in content]

    return run


describe("test_simple_prompt", told(text("This is a simple prompt for testing.")))
describe("test_prompt_with_arguments",
         told(lambda given: text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'")),
         "arg1", "arg2")
describe("test_prompt_with_embedded_resource",
         told(lambda given: embedded(given["resourceUri"], "text/plain", "Embedded resource content for testing."),
              text("Please process the embedded resource above.")),
         "resourceUri")
describe("test_prompt_with_image", told(IMAGE, text("Please analyze the image above.")))
describe(ROUNDS + "prompt", in_context)

RESOURCES = {
    "static-text": ("text/plain", {"text": "This is the content of the static text resource."}),
    "static-binary": (PIXEL["mimeType"], {"blob": PIXEL["data"]}),
    "watched-resource": ("text/plain", {"text": "Somebody may be watching."}),
}


async def list_tools(ctx, params):
    return types.ListToolsResult(tools=[described for described, _ in tools.values()])


async def call_tool(ctx, params):
    if params.name not in tools:
        raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {params.name}")
    try:
        content = await tools[params.name][1](Call(ctx, params))
    except Needed as needed:
        return needed.args[0]
    except ValueError as error:
        return types.CallToolResult.model_validate({"content": [text(str(error))], "isError": True})
    return types.CallToolResult.model_validate({"content": content})


async def list_prompts(ctx, params):
    return types.ListPromptsResult(prompts=[described for described, _ in prompts.values()])


async def get_prompt(ctx, params):
    if params.name not in prompts:
        raise MCPError(types.INVALID_PARAMS, f"Unknown prompt: {params.name}")
    try:
        contents = await prompts[params.name][1](Call(ctx, params))
    except Needed as needed:
        return needed.args[0]
    messages = [{"role": "user", "content": content} for content in contents]
    return types.GetPromptResult.model_validate({"messages": messages})


async def list_resources(ctx, params):
    listed = [{"name": name, "uri": f"test://{name}", "description": f"Fixture: {name}", "mimeType": mime}
              for name, (mime, _) in RESOURCES.items()]
    return types.ListResourcesResult.model_validate({"resources": listed})


async def list_templates(ctx, params):
    template = {"name": "template", "uriTemplate": "test://template/{id}/data", "mimeType": "application/json"}
    return types.ListResourceTemplatesResult.model_validate({"resourceTemplates": [template]})


async def read_resource(ctx, params):
    if match := re.fullmatch("test://template/([^/]+)/data", params.uri):
        found = {"id": match[1], "templateTest": True, "data": f"Data for ID: {match[1]}"}
        mime, body = "application/json", {"text": json.dumps(found)}
    elif (name := params.uri.removeprefix("test://")) in RESOURCES:
        mime, body = RESOURCES[name]
    else:
        code = types.INVALID_PARAMS if ctx.protocol_version >= MODERN else -32002
        raise MCPError(code, "Resource not found", {"uri": params.uri})
    return types.ReadResourceResult.model_validate({"contents": [{"uri": params.uri, "mimeType": mime, **body}]})


async def complete(ctx, params):
    start = params.argument.value
    values = [word for word in ["paris", "park", "party"] if word.startswith(start)]
    return types.CompleteResult.model_validate({"completion": {"values": values, "hasMore": False}})


async def nothing(ctx, params):
    return types.EmptyResult()


class Events(EventStore):
    """Every event, so that a stream that broke can be resumed; the number in the id is its place."""

    def __init__(self):
        self.log = []

    async def store_event(self, stream_id, message):
        self.log.append((stream_id, message))
        return f"e{len(self.log) - 1}"

    async def replay_events_after(self, last_event_id, send_callback):
        place = int(last_event_id.removeprefix("e"))
        stream = self.log[place][0]
        for at, (of, message) in enumerate(list(self.log)):
            # An event without a message only opened its stream.
            if at > place and of == stream and message is not None:
                await send_callback(EventMessage(message, f"e{at}"))
        return stream


def build():
    server = Server(
        "tapgate-conformance-python", version="1.0.0",
        get_tool_input_schema=lambda name: tools[name][0].input_schema if name in tools else None,
        on_list_tools=list_tools, on_call_tool=call_tool,
        on_list_prompts=list_prompts, on_get_prompt=get_prompt,
        on_list_resources=list_resources, on_list_resource_templates=list_templates, on_read_resource=read_resource,
        on_subscribe_resource=nothing, on_unsubscribe_resource=nothing, on_subscriptions_listen=ListenHandler(bus),
        on_completion=complete, on_set_logging_level=nothing,
    )
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=server.name))
    return server


async def on_stdio(server):
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def on_http(server):
    # The SDK's own guard against foreign hosts and pages comes with an address of loopback.
    app = server.streamable_http_app(event_store=Events(), retry_interval=300, host="127.0.0.1")
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    # What the modern era deprecates, the legacy era still asks for.
    warnings.simplefilter("ignore")
    if sys.argv[1] == "stdio":
        asyncio.run(on_stdio(build()))
    else:
        on_http(build())
