"""The official Python client, driven by lines on stdin as ../node/client.mjs is; the same verbs, the same answers, but for
`strays` (it drops what it did not ask for without a word).

Usage: client.py REVISION (COMMAND ARGS... | URL; of /sse by HTTP+SSE) (REVISION: newest or auto asks as the client does by itself, which begins with the
question for the stateless revision; otherwise the handshake with the one to offer)
"""

import json
import sys
import time

import anyio
import httpx2
import mcp.client.session
import pydantic
from mcp import Client, StdioServerParameters, types
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

revision, command, *arguments = sys.argv[1:]


def say(text: str) -> None:
    print(text.replace("\n", " "), flush=True)


answers: list[bytes] = []  # over HTTP, their bytes as they came


class Heard(httpx2.AsyncByteStream):
    """A response's body on its way to the client."""

    def __init__(self, body, lines: bool) -> None:
        self.body, self.lines = body, lines

    async def __aiter__(self):
        rest = b""
        async for chunk in self.body:
            *lines, rest = (rest + chunk).split(b"\n") if self.lines else [rest + chunk]
            for line in lines:
                if line.startswith(b"data: {"):
                    hear(line[6:])
            yield chunk
        if not self.lines and rest:
            hear(rest)

    async def aclose(self) -> None:
        await self.body.aclose()


def hear(message: bytes) -> None:
    if "method" not in json.loads(message):
        answers.append(message)


async def listen(response) -> None:
    if response.is_success:
        response.stream = Heard(response.stream, response.headers.get("content-type", "").startswith("text/event-stream"))


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
            elif verb == "raw":
                answers.clear()
                try:
                    await client.session.send_request(types.Request[dict, str](method=rest[0], params=json.loads(rest[1])),
                                                      pydantic.TypeAdapter(dict))
                except Exception:
                    pass
                say("raw " + answers[-1].decode())
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
    chosen = revision not in ("newest", "auto")
    if chosen:
        mcp.client.session.LATEST_HANDSHAKE_VERSION = revision
    server = StdioServerParameters(command=command, args=arguments)
    if command.startswith("http:"):
        http = httpx2.AsyncClient(timeout=httpx2.Timeout(30, read=300), event_hooks={"response": [listen]})
        server = sse_client(command) if "/sse" in command else streamable_http_client(command, http_client=http)
    begin = 0.0
    async with Client(server, mode="legacy" if chosen else "auto", list_roots_callback=roots,
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
