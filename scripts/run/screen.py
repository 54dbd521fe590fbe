#!/usr/bin/env python3
"""The screen of `make run`: starts the gateway and a live client, shows runs, reaps and a table per tick, cancels the
over-long job in the middle of its call, and at the end tells the tally, counted from /proc, not from the ledger.

screen.py HOLDFAST CONFIG DIRECTORY; RUN_FOR=20s ends it by itself. Exit 0 only if nothing survived, the live client
saw no error and the gateway ended as it should.
"""

import os
import queue
import re
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from lib import control, proc  # noqa: E402

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ
TINTS = {"ok": "32", "failed": "31", "timeout": "33", "cancelled": "33", "reap": "36", "faint": "2"}


def tint(text, kind):
    return f"\033[{TINTS[kind]}m{text}\033[0m" if COLOUR and kind in TINTS else text


def say(text=""):
    print(text, flush=True)


def seconds_of(text):
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)?", text)
    if not found:
        sys.exit(f"RUN_FOR={text}: a duration like 20s or 2m was expected")
    return float(found[1]) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, None: 1}[found[2]]


class Screen:
    def __init__(self, program, config, directory):
        environment = control.tools_environment(ROOT, HOLDFAST_RUN_DIR=directory)
        self.asked_to_end = 0
        self.runs = {}              # state -> how many
        self.ticks = 0
        self.gateway = control.Gateway(program, config, directory, environment)
        self.long_call = control.LongCall(self.gateway)
        self.watch = proc.Watch(self.gateway.pid)
        self.live = None
        self.program, self.environment = program, environment

    # The loop, one turn every 100 ms.

    def start(self):
        if not proc.wait_until(lambda: self.gateway.answers() or not self.gateway.alive(), 30) or not self.gateway.alive():
            say(f"the gateway did not start; its log: {self.gateway.log.name}")
            self.show_log_tail()
            return False
        say(f"gateway {self.gateway.pid} is up; seven jobs every 5 s; Ctrl-C ends it")
        self.live = control.LiveClient(self.program, self.gateway, self.environment)
        return True

    def turn(self):
        self.watch.look()
        while True:
            try:
                event = self.gateway.events.get_nowait()
            except queue.Empty:
                break
            if event is None:
                break
            self.show(event)
        self.long_call.turn()
        time.sleep(0.1)

    def show(self, event):
        clock = tint(time.strftime("%H:%M:%S"), "faint")
        kind = event.get("event", "")
        if kind == "run.finished":
            state = str(event.get("state", "?"))
            self.runs[state] = self.runs.get(state, 0) + 1
            say(f"{clock}  run   {event.get('job', '?'):<14} {tint(f'{state:<10}', state)} "
                f"{event.get('ms', 0):>6} ms  {event.get('reason', '') or ''}".rstrip())
        elif kind == "tree.gone":
            say(f"{clock}  {tint('reap', 'reap')}  {event.get('name', '?'):<14} {'gone':<10} "
                f"{event.get('took_ms', event.get('ms', 0)):>6} ms  terminated {event.get('terminated', 0)}, "
                f"killed {event.get('killed', 0)}; {event.get('reason', '')}")
        elif kind == "tick.done":
            self.ticks += 1
            self.show_table(event)
        elif event.get("level") in ("warn", "error", "warning"):
            words = ", ".join(f"{k}={v}" for k, v in event.items() if k not in ("time", "level", "event"))
            say(f"{clock}  {event['level']:<5} {kind} {words}")

    def show_table(self, event):
        calls, errors = (self.live.calls, self.live.errors) if self.live else (0, 0)
        say(f"\n  tick {self.ticks}: {event.get('runs', '?')} runs joined, {event.get('reaped', '?')} reaped by its sweep; "
            f"live client {calls} calls, {errors} errors")
        say(f"  {'server':<12} {'state':<10} {'pid':>8} {'processes':>9} {'MB':>7}  held by")
        for instance in self.gateway.get("/v1/ps").get("instances", []):
            processes = instance.get("processes", [])
            count = processes if isinstance(processes, int) else len(processes)
            known = instance.get("memory_bytes")  # null until it has been measured, as the pid is while it starts
            memory = "-" if known is None else f"{known / 1e6:.1f}"
            holders = ", ".join(f"{lease.get('kind', '')} {lease.get('label') or lease.get('session', '')}" for lease in instance.get("leases", []))
            say(f"  {instance.get('server', '?'):<12} {instance.get('state', '?'):<10} {instance.get('pid') or '-':>8} "
                f"{count:>9} {memory:>7}  {holders or '-'}")
        say()

    def show_log_tail(self):
        with open(self.gateway.log.name, encoding="utf-8") as file:
            for line in file.readlines()[-10:]:
                say("  " + line.rstrip())

    # The end: the live client leaves, the gateway drains, /proc is counted.

    def end(self):
        say("\nending: the live client leaves, the gateway drains (Ctrl-C again: skip the drain)")
        if self.live:
            self.live.leave()
        open_trees = {tag for tag in self.watch.look().values() if tag}
        self.gateway.shut_down()
        limit, skipped = time.monotonic() + 40, False
        while self.gateway.alive() and time.monotonic() < limit:
            self.turn()
            if self.asked_to_end > 1 and not skipped:
                skipped = True
                self.gateway.signal(signal.SIGTERM)
                self.gateway.signal(signal.SIGINT)
        orderly = not self.gateway.alive()
        if not orderly:
            say("the gateway did not end in 40 s: SIGKILL")
            self.gateway.signal(signal.SIGKILL)
        self.gateway.wait(5)
        self.turn()
        return self.tally(orderly and self.gateway.process.returncode == 0, open_trees)

    def survivors(self):
        """Living processes that carry our mark, were ever seen below the gateway, or came to us when it ended."""
        proc.reap_adopted()
        found = set(self.watch.look())
        processes = proc.snapshot()
        found |= {pid for pid in proc.descendants(os.getpid(), processes) if proc.living(processes[pid])}
        return found

    def tally(self, orderly, open_trees):
        gateway_ids = {tag.split("/")[0] for tag in self.watch.trees}
        if len(gateway_ids) == 1:  # from now on the mark alone is enough to be counted
            self.watch.prefix = gateway_ids.pop() + "/"
        # What the gateway leaves is nothing; what a killed one leaves is gone within the short ladder.
        proc.wait_until(lambda: not self.survivors(), 0.5 if orderly else 6)
        left = self.survivors()
        started, still = len(self.watch.trees), len(open_trees)
        by_state = ", ".join(f"{count} {state}" for state, count in sorted(self.runs.items()))
        say("\ntally, from /proc")
        say(f"  runs             {sum(self.runs.values())} in {self.ticks} ticks ({by_state or 'none'})")
        say(f"  trees started    {started} ({len(self.watch.seen)} processes)")
        say(f"  trees gone       {max(0, started - still)} while it ran, {still} at its end")
        calls, errors = (self.live.calls, self.live.errors) if self.live else (0, 0)
        say(f"  live client      {calls} calls, {errors} errors" + (f" (last: {self.live.last_error})" if errors else ""))
        if not orderly:
            say(f"  the gateway ended with status {self.gateway.process.returncode}; its log: {self.gateway.log.name}")
        for pid in left:
            print(f"  left: {pid} {proc.command(pid)}", file=sys.stderr)
        good = orderly and not left and calls > 0 and errors == 0 and self.runs.get("ok", 0) > 0
        say(f"survivors {len(left)}")
        return 0 if good else 1

    def clean_up(self):
        """Whatever happened above: nothing of ours outlives the screen."""
        if self.live and self.live.process.poll() is None:
            self.live.process.kill()
            self.live.process.wait()
        if self.gateway.alive():
            self.gateway.signal(signal.SIGKILL)
            self.gateway.wait(5)
            proc.wait_until(lambda: not self.survivors(), 6)
        for pid in self.survivors():
            what = proc.stat(pid)
            if what is not None:
                proc.kill_by_identity(pid, what[1])


def main():
    program, config, directory = sys.argv[1:4]
    run_for = seconds_of(os.environ["RUN_FOR"]) if os.environ.get("RUN_FOR") else None
    proc.become_subreaper()
    control.fresh_directory(directory)
    screen = Screen(program, config, directory)

    def asked(*_):
        screen.asked_to_end += 1

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, asked)
    try:
        if not screen.start():
            return 1
        end = time.monotonic() + run_for if run_for is not None else float("inf")
        while not screen.asked_to_end and time.monotonic() < end and screen.gateway.alive():
            screen.turn()
        if not screen.gateway.alive():
            say("the gateway ended by itself:")
            screen.show_log_tail()
        return screen.end()
    finally:
        screen.clean_up()


if __name__ == "__main__":
    sys.exit(main())
