"""A gateway in the foreground of a script: started, asked over its control socket, its log read line by line."""

import http.client
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import threading
import time

from lib import proc


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(path, method, target, body=None, timeout=5):
    """One request over the control socket: (status, parsed answer). Raises OSError when nobody answers."""
    connection = _UnixConnection(path, timeout)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, target, body=text, headers={"Content-Type": "application/json"} if text else {})
        answer = connection.getresponse()
        data = answer.read()
        return answer.status, (json.loads(data) if data.strip() else {})
    except (http.client.HTTPException, json.JSONDecodeError) as fault:
        raise OSError(f"{target}: {fault}") from fault
    finally:
        connection.close()


class Gateway:
    """`holdfast serve` as a child: `events` is a queue of its log's objects, ended by None."""

    def __init__(self, program, config, directory, environment):
        self.directory = directory
        self.socket = os.path.join(directory, "holdfast.sock")
        os.makedirs(directory, exist_ok=True)
        self.log = open(os.path.join(directory, "gateway.log"), "w", encoding="utf-8")
        # A session of its own: Ctrl-C reaches the script alone, which then ends the gateway in order.
        self.process = subprocess.Popen(
            [program, "serve", "--config", config, "--state-dir", os.path.join(directory, "state"),
             "--socket", self.socket, "--log-format", "json"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
            env=environment, start_new_session=True, preexec_fn=proc.die_with_parent)
        self.pid = self.process.pid
        self.events = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.log.write(line)
            self.log.flush()
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                event = {"event": "text", "message": line.rstrip()}
            if isinstance(event, dict):
                self.events.put(event)
        self.events.put(None)

    def answers(self):
        try:
            return ask(self.socket, "GET", "/v1/status")[0] == 200
        except OSError:
            return False

    def get(self, target):
        """The answer's object, or {} when it did not come."""
        try:
            status, answer = ask(self.socket, "GET", target)
            return answer if status == 200 and isinstance(answer, dict) else {}
        except OSError:
            return {}

    def post(self, target, body=None):
        try:
            return ask(self.socket, "POST", target, body if body is not None else {})[0]
        except OSError:
            return 0

    def alive(self):
        return self.process.poll() is None

    def shut_down(self):
        """Asks for an orderly end: the drain begins."""
        if self.alive() and self.post("/v1/shutdown") not in (200, 202, 204):
            self.signal(signal.SIGTERM)

    def signal(self, number):
        if self.alive():
            self.process.send_signal(number)

    def wait(self, seconds):
        try:
            self.process.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            return False


class LongCall:
    """Cancels the example's over-long job in the middle of its call, each time, over the control API.

    A call that has been in flight for a second is the long one: everybody else's take milliseconds.
    """

    JOB, SERVER = "too-long", "everything"

    def __init__(self, gateway):
        self.gateway = gateway
        self.since = {}  # instance id -> when its call was first seen

    def in_flight(self):
        return [instance["id"] for instance in self.gateway.get("/v1/ps").get("instances", [])
                if instance.get("server") == self.SERVER and instance.get("calls_in_flight", 0) > 0]

    def turn(self):
        now = time.monotonic()
        self.since = {instance: self.since.get(instance, now) for instance in self.in_flight()}
        if any(now - since >= 1 for since in self.since.values()):
            self.gateway.post(f"/v1/jobs/{self.JOB}/cancel")
            self.since = {}


def tools_environment(root, **extra):
    """The environment for gateway and servers: the fetched tools first in PATH."""
    environment = dict(os.environ)
    environment["PATH"] = os.path.join(root, ".tools", "bin") + os.pathsep + environment.get("PATH", os.defpath)
    environment.update(extra)
    return environment


def fresh_directory(path):
    """An empty run directory with the files that the example's servers work on."""
    shutil.rmtree(path, ignore_errors=True)
    files = os.path.join(path, "files")
    os.makedirs(files)
    with open(os.path.join(files, "hello.txt"), "w", encoding="utf-8") as file:
        file.write("Nothing that it holds drifts away.\n")
    return path


class LiveClient:
    """scripts/run/live_client.py as a child: somebody who works on the shared server all the time."""

    def __init__(self, program, gateway, environment):
        script = os.path.join(os.path.dirname(__file__), "..", "run", "live_client.py")
        self.process = subprocess.Popen(
            [os.environ.get("HOLDFAST_PYTHON", "python3"), script, program, "connect", "--server", "memory",
             "--socket", gateway.socket],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
            stderr=open(os.path.join(gateway.directory, "live-client.log"), "w", encoding="utf-8"),
            start_new_session=True, preexec_fn=proc.die_with_parent)
        self.calls = self.errors = 0
        self.last_error = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            try:
                tally = json.loads(line)
            except json.JSONDecodeError:
                continue
            self.calls, self.errors = tally["calls"], tally["errors"]
            self.last_error = tally.get("last_error", "")

    def leave(self, seconds=10):
        """End-of-file: it finishes the call in flight, ends its session and tells its last tally."""
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self.errors += 1
            self.last_error = "the client did not end"
        self._reader.join(2)
