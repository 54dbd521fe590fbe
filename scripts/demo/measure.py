#!/usr/bin/env python3
"""make demo: the same seven jobs under (a) a plain client, (b) the rejected fix, (c) Holdfast; a table from /proc.

measure.py HOLDFAST DIRECTORY; TICKS (6) and PERIOD seconds (10) by environment; MODES=abc takes some only. First count:
3.5 s after the last run ended, what nobody uses (host, live client and its server do not count). Second: everything
that is left 2 s after kill -9 of the host in the middle of a tick. By mark and by descent: the demo is a subreaper.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import modes  # noqa: E402
from lib import control, proc  # noqa: E402

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
TICKS = int(os.environ.get("TICKS", "6"))
PERIOD = int(os.environ.get("PERIOD", "10"))
SETTLE, AFTER_KILL = 3.5, 2.0
NAMES = {"a": "(a) plain client, closes as the SDK does", "b": "(b) kill every known server at a job's end",
         "c": "(c) Holdfast"}


def left_over(mode, spared):
    """Living processes that carry the mode's mark, were seen below it, or came to us when their parents died."""
    proc.reap_adopted({mode.pid})
    processes = proc.snapshot()
    found = set(mode.watch.look())
    found |= {pid for pid in proc.descendants(os.getpid(), processes) if proc.living(processes[pid])}
    return found - spared - {mode.pid, os.getpid()}


def megabytes(pids):
    return sum(proc.pss_bytes(pid) for pid in pids) / 1e6


def clean_up(mode):
    """Ends what a mode left, each by its identity."""
    def pass_once():
        left = left_over(mode, set())
        for pid in left:
            what = proc.stat(pid)
            if what is not None:
                proc.kill_by_identity(pid, what[1])
        return not left
    if not proc.wait_until(pass_once, 10):
        print("some processes would not end:", *sorted(left_over(mode, set())), file=sys.stderr)


def measure(letter, program, directory):
    print(f"{NAMES[letter]}: {TICKS} ticks of seven jobs, one every {PERIOD} s", flush=True)
    control.fresh_directory(directory)
    if letter == "c":
        mode = modes.Holdfast(ROOT, program, directory, PERIOD)
    else:
        mode = modes.PlainHost(ROOT, {"a": "sdk", "b": "kill-all"}[letter], directory, PERIOD)
    try:
        mode.run_ticks(TICKS, lambda number: print(f"  tick {number} joined", flush=True))
        end = time.monotonic() + SETTLE
        while time.monotonic() < end:
            mode.watch.look()
            time.sleep(0.1)
        idle = left_over(mode, mode.held() | mode.others())
        figures = {"idle": (len(idle), megabytes(idle)), "calls": mode.calls, "broken": mode.broken,
                   "siblings": mode.siblings}
        mode.reach_mid_tick()
        mode.watch.look()
        others = mode.others()
        mode.kill()
        time.sleep(AFTER_KILL)
        killed = left_over(mode, others)
        figures["killed"] = (len(killed), megabytes(killed))
        return figures
    finally:
        mode.end()
        clean_up(mode)


def table(results):
    print(f"\nafter {TICKS} ticks, {SETTLE} s after the last run ended (what nobody uses; PSS)")
    print(f"  {'':<44} {'leftover':>9} {'leftover':>9} {'live calls':>13} {'other runs':>10}")
    print(f"  {'':<44} {'processes':>9} {'MB':>9} {'broken':>13} {'broken':>10}")
    for letter, figures in results.items():
        count, mb = figures["idle"]
        broken = f"{figures['broken']} of {figures['calls']}"
        print(f"  {NAMES[letter]:<44} {count:>9} {mb:>9.1f} {broken:>13} {figures['siblings']:>10}")
    print(f"\n{AFTER_KILL:g} s after kill -9 of the host (c: of the gateway) in the middle of a tick")
    for letter, figures in results.items():
        count, mb = figures["killed"]
        print(f"  {NAMES[letter]:<44} {count:>9} {mb:>9.1f}")


def main():
    program, directory = sys.argv[1:3]
    proc.become_subreaper()
    results = {letter: measure(letter, program, directory) for letter in os.environ.get("MODES", "abc")}
    table(results)
    ours = results.get("c")
    good = ours is None or (ours["idle"][0] == 0 and ours["killed"][0] == 0 and ours["broken"] == 0)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
