"""The official Python client, driven by lines on stdin as ../node/client.mjs is; the same verbs, the same answers, but for
`strays` (it drops what it did not ask for without a word) and `raw`.

Usage: client.py REVISION (COMMAND ARGS... | URL; of /sse by HTTP+SSE) (REVISION: newest asks as the client does by itself, which begins with the
question for the stateless revision; otherwise the handshake with the one to offer)
"""

import json
import sys
import time

import anyio
import mcp.client.session
from mcp import Client, StdioServerParameters, types
from mcp.client.sse import sse_client

revision, command, *arguments = sys.argv[1:]


def say(text: str) -> None:
    print(text.replace("\n", " "), flush=True)


def text_of(result) -> str:
    return json.dumps("\n".join(getattr(block, "text", "") for block in result.content), ensure_ascii=False)


async def roots(_context):
    return types.ListRootsResult(roots=[types.Root(uri="file:///kelp", name="kelp")])


async def sample(_context, _params):
    return types.CreateMessageResult(role="assistant", model="none",
                                     content=types.TextContent(type="text", text="it grips the rock"))


async def elicit(_context, _params):
    return types.ElicitResult(action="accept", content={"name": "Laminaria"})


async def serve(client: Client, tasks) -> None:
    async def call(name: str, arguments: str):
        return await client.call_tool(name, json.loads(arguments))

    async def forget(name: str, arguments: str) -> None:
        try:
            await call(name, arguments)
        except Exception:
            pass

    async def parallel(count: int, name: str, arguments: str) -> None:
        good = 0

        async def one() -> None:
            nonlocal good
            result = await call(name, arguments)
            good += not result.is_error

        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(one)
        say(f"results {good}")

    while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
        verb, *rest = line.rstrip("\n").split("\t")
        try:
            if verb == "list":
                say("tools " + " ".join(tool.name for tool in (await client.list_tools()).tools))
            elif verb == "ping":
                await client.send_ping()
                say("pong")
            elif verb == "call":
                say("result " + text_of(await call(*rest)))
            elif verb == "parallel":
                await parallel(int(rest[0]), *rest[1:])
            elif verb == "start":
                tasks.start_soon(forget, *rest)
                say("started")
            elif verb == "cancel":
                with anyio.move_on_after(int(rest[0]) / 1000) as scope:
                    await call(*rest[1:])
                say("cancelled" if scope.cancelled_caught else "finished")
            elif verb == "close":
                return
        except Exception as error:
            say(f"error {error!r}")


async def main() -> None:
    if revision != "newest":
        mcp.client.session.LATEST_HANDSHAKE_VERSION = revision
    server = StdioServerParameters(command=command, args=arguments)
    if command.startswith("http:"):
        server = sse_client(command) if "/sse" in command else command
    begin = 0.0
    async with Client(server, mode="auto" if revision == "newest" else "legacy", list_roots_callback=roots,
                      sampling_callback=sample, elicitation_callback=elicit) as client:
        say(f"connected {client.protocol_version} {client.server_info.name}")
        async with anyio.create_task_group() as tasks:
            await serve(client, tasks)
            tasks.cancel_scope.cancel()
        begin = time.monotonic()
    say(f"closed {round((time.monotonic() - begin) * 1000)}")


try:
    anyio.run(main)
except* Exception as errors:
    say(f"refused {errors.exceptions}")
    sys.exit(1)
