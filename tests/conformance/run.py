#!/usr/bin/env python3
"""The official conformance suite through the gateway, as /mcp/fixture: each scenario of a frozen revision, and last
one line per pairing.

run.py HOLDFAST FIXTURE DIRECTORY [PAIRING...]   (all pairings without one; DIRECTORY takes what the suite and the gateway write)

A scenario passes when some of its checks succeed and none fails or warns. Exit 1 where fewer pass than are committed below or a process is
left, counted from /proc; 77 where node or the suite is missing (1 where CUSTODY_REQUIRE names `interop`).
"""

import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
from lib import control, proc  # noqa: E402

NODE = os.path.join(ROOT, ".tools", "bin", "node")
SUITE = os.path.join(ROOT, "tests", "conformance", "node", "node_modules", "@modelcontextprotocol", "conformance",
                     "dist", "index.js")
REVISION = "2025-11-25"
SCORED = 30
NOT_SCORED = ("server-session-lifecycle", "json-schema-2020-12", "server-sse-polling")

# How the fixture stands behind the gateway: itself, or behind another gateway; and how many scored and other scenarios have to pass.
PAIRINGS = {
    "stdio": (False, SCORED, len(NOT_SCORED)),
    "http": (True, SCORED, len(NOT_SCORED)),
}

START, SUITE_LIMIT, STOP, EMPTY = 20, 240, 15, 10  # seconds


def missing():
    """What keeps the suite from running here, or None."""
    for path in (NODE, SUITE):
        if not os.path.exists(path):
            return f"interop: {os.path.relpath(path, ROOT)} is not there: scripts/setup-conformance.sh installs it"
    return None


def configuration(entry):
    lines = ['listen: ["127.0.0.1:0"]', "drain: 2s", "mcpServers:", "  fixture:", *(f"    {line}" for line in entry)]
    return "\n".join(lines) + "\n"


def make_anew(directory):
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)


def start(holdfast, entry, directory):
    """A gateway with the fixture behind this entry; whether it answers is to be seen."""
    make_anew(directory)
    config = os.path.join(directory, "config.yaml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(configuration(entry))
    return control.Gateway(holdfast, config, directory, control.tools_environment(ROOT))


def answers(gateway):
    if proc.wait_until(gateway.answers, START):
        return True
    print(f"!! the gateway did not answer within {START} s ({gateway.log.name})")
    return False


def url_of(gateway):
    return f"http://{gateway.get('/v1/status')['gateway']['listen'][0]}/mcp/fixture"


def play(gateway, directory):
    """Runs the suite to its end: [(scenario, complaints)] in the order in which they were played."""
    results = os.path.join(directory, "results")
    with open(os.path.join(directory, "suite.log"), "w", encoding="utf-8") as log:
        try:
            subprocess.run([NODE, SUITE, "server", "--url", url_of(gateway), "--requirements", REVISION,
                            "-o", results], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                           timeout=SUITE_LIMIT, check=False)
        except subprocess.TimeoutExpired:
            print(f"!! the suite did not end within {SUITE_LIMIT} s ({log.name})")
    return verdicts(results)


def complaints_of(checks):
    complaints = [f"{check['status']} {check['id']}: {check.get('errorMessage') or check['description']}"
                  for check in checks if check["status"] in ("FAILURE", "WARNING")]
    if not complaints and all(check["status"] != "SUCCESS" for check in checks):
        return ["no check of it applied"]
    return complaints


def verdicts(results):
    found = []
    for name in os.listdir(results) if os.path.isdir(results) else []:
        match = re.fullmatch(r"server-(.+)-(\d{4}-\d{2}-\d{2}T[\d-]+Z)", name)
        checks = os.path.join(results, name, "checks.json")
        if match is None or not os.path.exists(checks):
            continue
        with open(checks, encoding="utf-8") as file:
            found.append((match[2], match[1], complaints_of(json.load(file))))
    return [(scenario, complaints) for _when, scenario, complaints in sorted(found)]


def say_verdict(scenario, complaints):
    print(f"  {'FAIL' if complaints else 'ok  '} {scenario}{' (not scored)' if scenario in NOT_SCORED else ''}", flush=True)
    for complaint in complaints:
        print("       " + complaint.replace("\n", "\n         "))


def report(found):
    """Prints every scenario: (scored ones that pass, others that pass)."""
    for scenario, complaints in found:
        say_verdict(scenario, complaints)
    passed = {scenario for scenario, complaints in found if not complaints}
    scored, others = len(passed.difference(NOT_SCORED)), len(passed.intersection(NOT_SCORED))
    print(f"  not scored: {others} of {len(NOT_SCORED)}", flush=True)
    return scored, others


def left():
    """Living processes below us: this is a subreaper, so whoever detached is here too."""
    proc.reap_adopted()
    processes = proc.snapshot()
    return {pid: processes[pid] for pid in proc.descendants(os.getpid(), processes) if proc.living(processes[pid])}


def end(gateway):
    """Whether it ended by itself when it was asked to."""
    if gateway.wait(STOP):
        return True
    print(f"!! the gateway did not end within {STOP} s")
    gateway.process.kill()
    gateway.wait(STOP)
    return False


def nobody_left():
    if proc.wait_until(lambda: not left(), EMPTY):
        return True
    for pid, what in left().items():
        print(f"!! left: {pid} {proc.command(pid)}")
        proc.kill_by_identity(pid, what[1])
    return False


def pair(pairing, holdfast, fixture, directory):
    """Plays one pairing: (whether all is well, its line)."""
    remote, scored, others = PAIRINGS[pairing]
    entry = [f"command: {json.dumps(fixture)}"]
    gateways, found, clean = [], [], True
    try:
        if remote:
            gateways.append(start(holdfast, entry, os.path.join(directory, "upstream")))
            entry = [f"url: {url_of(gateways[0])}"] if answers(gateways[0]) else []
        if entry:
            gateways.append(start(holdfast, entry, os.path.join(directory, "gateway")))
            if answers(gateways[-1]):
                found = play(gateways[-1], directory)
    finally:
        for gateway in reversed(gateways):
            gateway.shut_down()
            clean = end(gateway) and clean
        clean = nobody_left() and clean
    print(f"{pairing}:")
    passed = report(found)
    good = clean and passed[0] >= scored and passed[1] >= others
    return good, f"conformance {REVISION} {pairing}: {passed[0]} of {SCORED} scenarios"


def skip(why):
    print("conformance: Skipped\n" + why)
    return 1 if "interop" in os.environ.get("CUSTODY_REQUIRE", "").split(",") else 77


def main():
    why = missing()
    if why is not None:
        return skip(why)
    holdfast, fixture, directory, *pairings = sys.argv[1:]
    proc.become_subreaper()
    played = [pair(pairing, os.path.abspath(holdfast), os.path.abspath(fixture),
                   os.path.abspath(os.path.join(directory, pairing))) for pairing in pairings or PAIRINGS]
    for _good, line in played:
        print(line)
    return 0 if all(good for good, _line in played) else 1


if __name__ == "__main__":
    sys.exit(main())
