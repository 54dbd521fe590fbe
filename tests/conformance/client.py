#!/usr/bin/env python3
"""The official conformance suite against the gateway as a client: the suite's own server stands at a URL, a gateway has it as an entry, and every
tool of it is listed and called through that gateway.

client.py HOLDFAST DIRECTORY [SCENARIO...]     plays the scenarios (all of the frozen revision that need no OAuth without one), then one line
client.py --drive HOLDFAST DIRECTORY URL       what the suite runs for each of them: one gateway, from its start to its end

Verdicts, exit codes and what is counted at the end are those of run.py. The suite's fourth scenario without OAuth, elicitation-sep1034-client-defaults,
is about who fills in a form, which a gateway leaves to its clients.
"""

import json
import os
import re
import subprocess
import sys

import run
from lib import proc

SCENARIOS = ("initialize", "tools_call", "sse-retry")
CALL, SCENARIO_LIMIT = 60, 120  # seconds


def arguments_for(schema):
    """Something that fits each property."""
    samples = {"number": 5, "integer": 5, "string": "text", "boolean": True, "array": [], "object": {}}
    return {name: samples.get(property.get("type"), "text") for name, property in schema.get("properties", {}).items()}


class Client:
    """A client of the gateway, through `holdfast connect`: one session here, and so one session there."""

    def __init__(self, holdfast, socket):
        self.process = subprocess.Popen([holdfast, "connect", "--server", "fixture", "--socket", socket], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.sent = 0

    def say(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def ask(self, method, params):
        self.sent += 1
        self.say({"id": self.sent, "method": method, "params": params})
        for line in self.process.stdout:
            message = json.loads(line)
            if message.get("id") == self.sent and "method" not in message:
                if "error" in message:
                    raise ValueError(f"{method}: {message['error']}")
                return message["result"]
        raise ValueError(f"{method}: the gateway ended")


def list_and_call_all(client):
    client.ask("initialize", {"protocolVersion": run.REVISION, "capabilities": {},
                              "clientInfo": {"name": "driver", "version": "1"}})
    client.say({"method": "notifications/initialized"})
    for tool in client.ask("tools/list", {})["tools"]:
        client.ask("tools/call", {"name": tool["name"], "arguments": arguments_for(tool.get("inputSchema", {}))})


def drive(holdfast, directory, url):
    gateway = run.start(holdfast, [f"url: {url}", f"callTimeout: {CALL}s"], directory)
    good = run.answers(gateway)
    try:
        if good:
            client = Client(holdfast, gateway.socket)
            list_and_call_all(client)
            client.process.stdin.close()
            good = client.process.wait(run.STOP) == 0
    except (subprocess.SubprocessError, OSError, KeyError, ValueError) as fault:
        print(f"!! {fault!r}")
        good = False
    finally:
        gateway.shut_down()
        good = run.end(gateway) and good
    return 0 if good else 1


def play(scenario, holdfast, directory):
    """What the suite has to complain of; nothing if all is well."""
    results = os.path.join(directory, "results")
    command = " ".join([sys.executable, os.path.abspath(__file__), "--drive", holdfast, os.path.join(directory, "gateway")])
    with open(os.path.join(directory, "suite.log"), "w", encoding="utf-8") as log:
        try:
            subprocess.run([run.NODE, run.SUITE, "client", "--command", command, "--scenario", scenario, "--timeout",
                            str(SCENARIO_LIMIT * 1000), "-o", results], stdin=subprocess.DEVNULL, stdout=log,
                           stderr=subprocess.STDOUT, timeout=SCENARIO_LIMIT + run.STOP, check=False)
        except subprocess.TimeoutExpired:
            return [f"the suite did not end within {SCENARIO_LIMIT} s ({log.name})"]
    for name in sorted(os.listdir(results), reverse=True) if os.path.isdir(results) else []:
        checks = os.path.join(results, name, "checks.json")
        if re.match(re.escape(scenario) + "-", name) and os.path.exists(checks):
            with open(checks, encoding="utf-8") as file:
                return run.complaints_of(json.load(file))
    return [f"the suite wrote no verdict ({log.name})"]


def main():
    if sys.argv[1:2] == ["--drive"]:
        return drive(*sys.argv[2:5])
    why = run.missing()
    if why is not None:
        return run.skip(why)
    holdfast, directory, *scenarios = sys.argv[1:]
    proc.become_subreaper()
    passed, clean = 0, True
    for scenario in scenarios or SCENARIOS:
        place = os.path.abspath(os.path.join(directory, scenario))
        run.make_anew(place)
        complaints = play(scenario, os.path.abspath(holdfast), place)
        passed += not complaints
        run.say_verdict(scenario, complaints)
        clean = run.nobody_left() and clean
    wanted = len(scenarios or SCENARIOS)
    print(f"conformance {run.REVISION} client: {passed} of {wanted} scenarios")
    return 0 if clean and passed == wanted else 1


if __name__ == "__main__":
    sys.exit(main())
