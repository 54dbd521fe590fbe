#!/usr/bin/env python3
"""A live MCP client over stdio: one tool call every 200 ms, every error counted.

live_client.py COMMAND...: the stdio server to talk to (here: holdfast connect --server memory). A JSON line with
the tally goes to stdout every second and at the end; end-of-file or SIGTERM ends it after the call in flight.
Options by environment: LIVE_TOOL (read_graph), LIVE_PERIOD seconds (0.2), LIVE_DEADLINE seconds per call (20).
"""

import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time

TOOL = os.environ.get("LIVE_TOOL", "read_graph")
PERIOD = float(os.environ.get("LIVE_PERIOD", "0.2"))
DEADLINE = float(os.environ.get("LIVE_DEADLINE", "20"))


class Broken(Exception):
    pass


class Client:
    def __init__(self, command):
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        self.next_id = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.server.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def _send(self, message):
        try:
            self.server.stdin.write(json.dumps(message) + "\n")
            self.server.stdin.flush()
        except OSError as fault:
            raise Broken(f"the server is gone: {fault}") from fault

    def request(self, method, params):
        self.next_id += 1
        self._send({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params})
        end = time.monotonic() + DEADLINE
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise Broken(f"{method}: no answer in {DEADLINE:g} s") from None
            if line is None:
                self.lines.put(None)
                raise Broken(f"{method}: end of file instead of an answer")
            answer = json.loads(line)
            if answer.get("id") != self.next_id or "method" in answer:
                continue
            if "error" in answer:
                raise Broken(f"{method}: {answer['error'].get('message', answer['error'])}")
            if answer["result"].get("isError"):
                raise Broken(f"{method}: {answer['result'].get('content')}")
            return answer["result"]

    def open(self):
        self.request("initialize", {"protocolVersion": "2025-06-18", "capabilities": {},
                                    "clientInfo": {"name": "live-client", "version": "1"}})
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def close(self):
        try:
            self.server.stdin.close()
        except OSError:
            pass
        try:
            self.server.wait(5)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()


def main():
    leaving = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: leaving.set())
    calls, errors, last_error, said = 0, 0, "", 0.0

    def tell():
        print(json.dumps({"calls": calls, "errors": errors, "last_error": last_error}), flush=True)

    client = None
    while not leaving.is_set():
        began = time.monotonic()
        try:
            if client is None:
                client = Client(sys.argv[1:])
                client.open()
            client.request("tools/call", {"name": TOOL, "arguments": {}})
            calls += 1
        except (Broken, json.JSONDecodeError) as fault:
            calls, errors, last_error = calls + 1, errors + 1, str(fault)
            client.close()  # a real client would come back: the next call opens anew
            client = None
        if time.monotonic() - said >= 1:
            said = time.monotonic()
            tell()
        rest = max(0.0, PERIOD - (time.monotonic() - began))
        if select.select([sys.stdin], [], [], rest)[0] and not os.read(0, 4096):
            leaving.set()
    if client is not None:
        client.close()
    tell()


if __name__ == "__main__":
    main()
