"""The three ways to run the same seven jobs: two hosts on the official SDK, and Holdfast. Same face for the demo."""

import json
import os
import queue
import shutil
import subprocess
import threading
import time
import uuid

from lib import control, proc


class PlainHost:
    """scripts/demo/plain_host.mjs under node."""

    def __init__(self, root, mode, directory, period):
        self.period = period
        mark = f"{mode}-{uuid.uuid4()}"
        environment = control.tools_environment(root, HOLDFAST_RUN_DIR=directory)
        self.process = subprocess.Popen(
            [os.path.join(root, ".tools", "bin", "node"), os.path.join(root, "scripts", "demo", "plain_host.mjs"),
             os.path.join(root, "examples", "seven-jobs.yaml"), mode, mark],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True,
            preexec_fn=proc.die_with_parent)
        self.pid = self.process.pid
        self.watch = proc.Watch(self.pid, "HOLDFAST_DEMO", mark)
        self.calls = self.broken = self.siblings = 0
        self.held_pids = []
        self._facts = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._wait_for("ready", 30)

    def _read(self):
        for line in self.process.stdout:
            fact = json.loads(line)
            self.held_pids = fact.get("held", self.held_pids)
            if fact["event"] == "live":
                self.calls, self.broken, self.siblings = fact["calls"], fact["broken"], fact["siblings"]
            else:
                self._facts.put(fact)

    def _wait_for(self, event, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self._facts.get(timeout=0.1)["event"] == event:
                    return
            except queue.Empty:
                self.watch.look()
        raise RuntimeError(f"the plain host did not say '{event}' in {seconds} s")

    def begin_tick(self):
        self.process.stdin.write("tick\n")
        self.process.stdin.flush()

    def run_ticks(self, count, progress):
        for number in range(count):
            due = time.monotonic() + self.period
            self.begin_tick()
            self._wait_for("joined", 60)
            progress(number + 1)
            if number + 1 < count:
                while time.monotonic() < due:
                    self.watch.look()
                    time.sleep(0.1)

    def reach_mid_tick(self):
        self.begin_tick()
        time.sleep(1.5)

    def held(self):
        return set(self.held_pids)

    def others(self):
        return set()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        if self.process.poll() is None:
            self.kill()


class Holdfast:
    """bin/holdfast on the same file; only the period of the schedule is the demo's."""

    def __init__(self, root, program, directory, period):
        for name in ("seven-jobs.yaml", "stubborn_server.py"):
            shutil.copy(os.path.join(root, "examples", name), directory)
        config = os.path.join(directory, "seven-jobs.yaml")
        with open(config, encoding="utf-8") as file:
            text = file.read().replace("every 5s", f"every {period}s")
        with open(config, "w", encoding="utf-8") as file:
            file.write(text)
        environment = control.tools_environment(root, HOLDFAST_RUN_DIR=directory)
        self.program = program
        self.gateway = control.Gateway(program, config, directory, environment)
        self.pid = self.gateway.pid
        self.watch = proc.Watch(self.pid)
        self.long_call = control.LongCall(self.gateway)
        self.siblings, self.live = 0, None
        if not proc.wait_until(lambda: self.gateway.answers() or not self.gateway.alive(), 30) or not self.gateway.alive():
            raise RuntimeError(f"the gateway did not start; its log: {self.gateway.log.name}")
        self.live = control.LiveClient(program, self.gateway, environment)

    @property
    def calls(self):
        return self.live.calls

    @property
    def broken(self):
        return self.live.errors

    def _turn(self):
        """How many ticks ended since the last turn."""
        done = 0
        self.watch.look()
        self.long_call.turn()
        while True:
            try:
                event = self.gateway.events.get(timeout=0.1)
            except queue.Empty:
                return done
            if event is None:
                raise RuntimeError(f"the gateway ended; its log: {self.gateway.log.name}")
            if event.get("event") == "tick.done":
                done += 1
            elif event.get("event") == "run.finished" and event.get("job") != control.LongCall.JOB:
                self.siblings += event.get("state") != "ok"

    def run_ticks(self, count, progress):
        number, end = 0, time.monotonic() + (count + 2) * 60
        while number < count:
            for _ in range(self._turn()):
                number += 1
                progress(number)
            if time.monotonic() > end:
                raise RuntimeError("the ticks do not come to an end")

    def reach_mid_tick(self):
        if not proc.wait_until(self.long_call.in_flight, 60):
            raise RuntimeError("no further tick came")

    def held(self):
        """The tree that the live client uses, and its keeper."""
        found = set()
        for instance in self.gateway.get("/v1/ps").get("instances", []):
            if instance.get("server") == "memory":
                tags = {tag for tag in self.watch.trees if tag.endswith("/" + instance["id"])}
                found |= {pid for pid, tag in self.watch.look().items() if tag in tags}
                found |= {instance.get("pid"), instance.get("keeper_pid")}
                processes = instance.get("processes")
                found |= set(processes) if isinstance(processes, list) else set()
        return found

    def others(self):
        """The live client itself: a consumer, not a server."""
        return {self.live.process.pid} | proc.descendants(self.live.process.pid) if self.live else set()

    def kill(self):
        self.gateway.process.kill()
        self.gateway.wait(5)

    def end(self):
        if self.live and self.live.process.poll() is None:
            self.live.leave(3)
        if self.gateway.alive():
            self.gateway.shut_down()
            if not self.gateway.wait(30):
                self.kill()
        # The empty cgroup of a killed gateway goes with the next start in its place, or with doctor.
        subprocess.run([self.program, "doctor"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
