"""Plays a plan with a client of either Python SDK and prints what the client saw, one JSON line a step."""

import json
import os
import re
import sys

import anyio

ERA, PLAN, KIND, *TARGET = sys.argv[1:]
FOLDER = os.environ["FOLDER"]
with open(PLAN, encoding="utf-8") as file:
    STEPS = json.loads(file.read().replace("<folder>", FOLDER))
# What differs from run to run by nature (times, random ids) is blotted out, everything else must be equal.
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z?|\d{1,2}:\d\d:\d\d\s?(AM|PM)?")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
ANSWER = {"name": "Ada", "check": True, "color": "red", "email": "ada@example.com", "firstLine": "x", "username": "Ada"}

asked, logged, changes = [], [], []


def plain(saw):
    if hasattr(saw, "model_dump"):
        return saw.model_dump(mode="json", by_alias=True, exclude_none=True)
    return [plain(one) for one in saw] if isinstance(saw, (list, tuple)) else saw


def text_of(saw):
    return json.dumps(plain(saw), sort_keys=True)


def say(step, saw):
    text = json.dumps({"step": step, "saw": plain(saw)}).replace(FOLDER, "<folder>")
    print(UUID.sub("<uuid>", TIME.sub("<time>", text)), flush=True)


async def play(sdk):
    """`sdk` is what differs between the generations: one callable for each kind of request."""
    deeds = Deeds(sdk)
    say("era", "modern" if sdk.modern else "legacy")
    for step in STEPS:
        name = step["step"]
        if name == "connect":
            say(name, sdk.met)
        elif step.get("era") == "legacy" and sdk.modern:
            say(name, "not said by this client")
        elif step["do"] != "close":
            try:
                # A step that gets no answer fails alone, so that the report says which.
                with anyio.fail_after(10):
                    say(name, await getattr(deeds, step["do"])(step))
            except Exception as error:  # What the client's user sees is the point, whatever its type.
                code = getattr(getattr(error, "error", None), "code", None)
                say(name, {"error": type(error).__name__, "code": code, "message": str(error)})


class Deeds:
    def __init__(self, sdk):
        self.sdk = sdk
        for same in ("ping", "tools", "level", "resources", "templates", "prompts"):
            setattr(self, same, lambda step, same=same: getattr(sdk, same)())

    async def call(self, step):
        return await self.sdk.call(step["name"], step.get("arguments", {}))

    async def large(self, step):
        text = (await self.sdk.call(step["name"], {"message": "x" * step["size"]})).content[0].text
        return [len(text), text[:20]]

    async def unknown(self, step):
        return "not said by this client"

    async def progress(self, step):
        told = []

        async def hear(progress, total, message):
            told.append([progress, total, message])

        result = await self.sdk.call(step["name"], step.get("arguments", {}), progress_callback=hear)
        # Over HTTP some servers tell progress on another stream than the answer, so the last one may come later.
        return [result, told[: step["most"]]]

    async def asked(self, step):
        # Whether a server asks once or twice is a race inside some of them.
        return sorted(set(asked))

    async def heard(self, step):
        await anyio.sleep(0.2)
        return sorted(logged)

    async def read(self, step):
        return await self.sdk.read(step["uri"])

    async def subscribe(self, step):
        return await self.sdk.subscribe(step["uri"])

    async def unsubscribe(self, step):
        return await self.sdk.unsubscribe(step["uri"])

    async def prompt(self, step):
        return await self.sdk.prompt(step["name"], step.get("arguments"))

    async def complete(self, step):
        return await self.sdk.complete(step["prompt"], {"name": step["argument"], "value": step["value"]})

    async def parallel(self, step):
        results = [None] * len(step["many"])

        async def one(at, arguments):
            results[at] = await self.sdk.call(step["name"], arguments)

        async with anyio.create_task_group() as group:
            for at, arguments in enumerate(step["many"]):
                group.start_soon(one, at, arguments)
        return results

    async def cancel(self, step):
        with anyio.move_on_after(step["after"] / 1000):
            return await self.sdk.call(step["name"], step["arguments"])
        return {"error": "cancelled here"}

    async def changed(self, step):
        async with self.sdk.tool_changes():
            before = len(changes)
            await self.sdk.call(step["name"], {})
            with anyio.move_on_after(2):
                while len(changes) == before:
                    await anyio.sleep(0.02)
        return "heard of it" if len(changes) > before else "heard nothing"
