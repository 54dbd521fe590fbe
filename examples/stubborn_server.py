#!/usr/bin/env python3
"""An MCP server as one meets them in the field: it ignores end-of-file, SIGTERM and SIGHUP, and a helper of its own
detached by a double fork into a session of its own. One tool: ping. Only the standard library."""

import json
import os
import signal
import sys


def ignore_everything_polite():
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def detach_a_helper():
    if os.fork():
        os.wait()
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    ignore_everything_polite()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    while True:
        signal.pause()


def answer(message):
    method, params = message["method"], message.get("params", {})
    if method == "initialize":
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
                "serverInfo": {"name": "stubborn", "version": "1"}}
    if method == "tools/list":
        return {"tools": [{"name": "ping", "description": "says pong", "inputSchema": {"type": "object"}}]}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": "pong"}]}
    return {}


def main():
    ignore_everything_polite()
    detach_a_helper()
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message and "method" in message:
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": answer(message)}), flush=True)
    while True:  # end-of-file means nothing to it
        signal.pause()


if __name__ == "__main__":
    main()
