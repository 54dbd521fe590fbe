#!/usr/bin/env python3
"""play.py BIN GUARANTEES JOBS: every cell of the matrix, JOBS at a time, and the tables of GUARANTEES written anew.

PARTS=gateway,run,faults,reuse,leases,chains,browser (all) takes some of it. Exit 1: a test failed, or a cell is worse than the committed one.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tables  # noqa: E402

PROGRAMS = {"gateway": "matrix_test", "run": "run_adversaries_test", "faults": "faults_test", "reuse": "reuse_test",
            "leases": "lease_test", "chains": "chain_test", "browser": "browser_test"}
FILTERS = {"run": "*RunAgainst*"}
EVERY = 15.0  # seconds between two words about how far it is


class Shard:
    """One gtest process on its share of the cells; its last words are kept for the case that it fails."""

    def __init__(self, program, name, index, of, folder):
        self.report = os.path.join(folder, f"{name}-{index}.json")
        self.done, self.total, self.words = 0, 0, []
        command = [program, f"--gtest_output=json:{self.report}"]
        if name in FILTERS:
            command.append(f"--gtest_filter={FILTERS[name]}")
        environment = dict(os.environ, HOLDFAST_MATRIX="1", GTEST_TOTAL_SHARDS=str(of), GTEST_SHARD_INDEX=str(index))
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, errors="replace")
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            if line.startswith("[==========] Running "):
                self.total = int(line.split()[2])
            if line.startswith(("[       OK ]", "[  FAILED  ]", "[  SKIPPED ]")) and "ms)" in line:
                self.done += 1
            self.words = (self.words + [line])[-2000:]

    def result(self):
        """Its report and its exit status."""
        self.reader.join()
        status = self.process.wait()
        if status != 0:
            sys.stdout.writelines(self.words)
        with open(self.report) as file:
            return json.load(file), status


def play(name, directory, jobs):
    started, said = time.monotonic(), 0.0
    with tempfile.TemporaryDirectory(prefix="holdfast-matrix-") as folder:
        shards = [Shard(os.path.join(directory, PROGRAMS[name]), name, i, jobs, folder) for i in range(jobs)]
        while any(shard.process.poll() is None for shard in shards):
            time.sleep(0.2)
            if time.monotonic() - said > EVERY:
                said = time.monotonic()
                done, total = sum(s.done for s in shards), sum(s.total for s in shards)
                print(f"   {name}: {done} of {total}, {said - started:.0f} s", flush=True)
        results = [shard.result() for shard in shards]
    merged = {"testsuites": [suite for report, _ in results for suite in report["testsuites"]]}
    failed = tables.failures_of(merged)
    if not failed and any(status != 0 for _, status in results):
        failed = ["a test program ended badly after its last test (above)"]
    if not any(shard.done for shard in shards):
        failed.append("nothing was played")
    print(f"== {name}: {sum(s.done for s in shards)} played, {len(failed)} failed, {time.monotonic() - started:.0f} s")
    return merged, failed


def sort_as_in(cells, order):
    """Shards tell their cells in turns; a table wants one order."""
    return dict(sorted(cells.items(), key=lambda item: (order.get(item[0][0], 99), order.get(item[0][1], 99))))


def order_of(program):
    """The names of adversaries and events in the order in which the test program lists its cells."""
    listed = subprocess.run([program, "--gtest_list_tests"], env=dict(os.environ, HOLDFAST_MATRIX="1"),
                            capture_output=True, text=True, check=True).stdout
    order = {}
    for line in listed.splitlines():
        found = tables.NAME.match(line.split("#")[0].strip().split("/")[-1])
        for name in (found["adversary"], found["event"]) if found else ():
            order.setdefault(name, len(order))
    return order


def main():
    directory, path, jobs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with open(path) as file:
        document = file.read()
    problems, skipped = [], 0
    for name in os.environ.get("PARTS", ",".join(PROGRAMS)).split(","):
        report, failed = play(name, directory, jobs)
        problems += [f"{name}: {test}" for test in failed]
        if tables.begin(name) not in document:
            continue  # it has no table: its result is that nothing failed
        program = os.path.join(directory, PROGRAMS[name])
        cells = sort_as_in(tables.cells_of(report), order_of(program))
        skipped += sum(left is None for counts in cells.values() for left, _ in counts.values())
        text = tables.table(cells)
        before = tables.numbers_in(document, name)
        document = tables.replace(document, name, text)
        problems += [f"{name}: {what}" for what in tables.worse(before, tables.numbers_in(document, name))]
    for problem in problems:
        print("!!", problem)
    if problems:
        print(f"{path} is as it was: a worse table is not written")
        return 1
    if skipped:
        print(f"{path} is as it was: {skipped} cells were not played, since this machine lacks their rung")
        return 0
    with open(path, "w") as file:
        file.write(document)
    print(f"written: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
