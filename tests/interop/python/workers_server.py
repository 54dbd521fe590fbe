"""usage: workers_server.py spawn|forkserver. An MCP server with workers of multiprocessing, which mind neither SIGTERM nor
the end of their parent. Only the standard library."""

import json
import multiprocessing
import signal
import sys
import time

WORKERS = 2
LIFE = 300  # seconds, should nobody end them


def work(at_work):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    at_work.send(True)
    time.sleep(LIFE)


def answer(method, params):
    if method == "initialize":
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}},
                "serverInfo": {"name": "workers", "version": "1"}}
    if method == "tools/list":
        return {"tools": [{"name": "ping", "description": "says pong", "inputSchema": {"type": "object"}}]}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": "pong"}]}
    return {}


def main():
    context = multiprocessing.get_context(sys.argv[1])
    for _ in range(WORKERS):
        reader, writer = context.Pipe(duplex=False)
        context.Process(target=work, args=(writer,)).start()
        reader.recv()
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message and "method" in message:
            result = answer(message["method"], message.get("params", {}))
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)


if __name__ == "__main__":
    main()
