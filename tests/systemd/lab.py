"""A machine with systemd to try the unit on: booted in namespaces, looked at from outside."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
BOOT_LIMIT = 90  # seconds; 2 on an idle machine
NAMESPACES = ["unshare", "--pid", "--fork", "--kill-child=SIGKILL", "--mount", "--cgroup", "--uts", "--ipc", "--net"]
Process = tuple[int, str]  # pid out here, and when it started


def missing() -> str:
    """What this machine lacks for a lab; empty: nothing."""
    if os.geteuid() != 0:
        return "root"
    for program in ("/lib/systemd/systemd", "/usr/bin/systemctl", "/usr/bin/dbus-daemon", "/usr/bin/nsenter"):
        if not Path(program).exists():
            return f"{program} (scripts/setup.sh says which package)"
    if not cgroup_mount():
        return "a writable cgroup2 mount"
    with tempfile.TemporaryDirectory(prefix="holdfast-systemd-") as state:
        tried = subprocess.run([*NAMESPACES, HERE / "boot.sh", state], capture_output=True, text=True, check=False)
    return f"the right to make namespaces with mounts ({tried.stderr.strip()})" if tried.returncode else ""


def cgroup_mount() -> Path | None:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        if rest.startswith("cgroup2 ") and os.access(fields.split()[4], os.W_OK):
            return Path(fields.split()[4])
    return None


def until(what, limit: float = 20.0, pause: float = 0.02):
    """The first true value of `what()`, or its last one."""
    end = time.monotonic() + limit
    while not (value := what()) and time.monotonic() < end:
        time.sleep(pause)
    return value


class Lab:
    """One booted systemd. Everything that it ever starts is in `cgroup`, and dies with close()."""

    def __init__(self, files: dict[str, Path]):
        """`files`: what stands where inside, besides what this machine has."""
        self.state = Path(tempfile.mkdtemp(prefix="holdfast-systemd-"))
        mount = cgroup_mount()
        assert mount is not None
        self.cgroup = mount / self.state.name
        self.cgroup.mkdir()
        for inside, source in files.items():
            target = self.state / "files" / inside.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
        (self.state / "machine").mkdir()
        self.console = (self.state / "console.log").open("wb")
        # The cgroup first, so that the new cgroup namespace has its root there.
        self.outer = subprocess.Popen(
            ["sh", "-c", 'echo $$ >"$0" && exec "$@"', self.cgroup / "cgroup.procs", "setsid", *NAMESPACES,
             HERE / "boot.sh", self.state / "machine", self.state / "files"],
            stdin=subprocess.DEVNULL, stdout=self.console, stderr=subprocess.STDOUT)
        self.init = 0
        if not until(self._is_up, BOOT_LIMIT, 0.1):
            console = (self.state / "console.log").read_text(errors="replace")
            self.close()
            raise RuntimeError(f"systemd did not come up in {BOOT_LIMIT} s:\n{console[-4000:]}")

    def _is_up(self) -> bool:
        try:
            pids = Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children").read_text().split()
            if not pids or b"systemd" not in Path(f"/proc/{pids[0]}/cmdline").read_bytes():
                return False
        except OSError:
            return False
        self.init = int(pids[0])
        return self.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")

    def run(self, *words: str, limit: float = 60) -> subprocess.CompletedProcess:
        """A command inside."""
        return subprocess.run(["nsenter", "-a", "-t", str(self.init), *words], capture_output=True, text=True,
                              timeout=limit, check=False)

    def must(self, *words: str, limit: float = 60) -> str:
        done = self.run(*words, limit=limit)
        assert done.returncode == 0, f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path: str, text: str) -> None:
        inside = Path(f"/proc/{self.init}/root{path}")
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.write_text(text)

    def processes(self, below: str = "") -> set[Process]:
        """Who lives inside, in cgroups whose path has `below` in it, as the kernel lists them."""
        found = set()
        for folder, _, _ in os.walk(self.cgroup):
            try:
                pids = Path(folder, "cgroup.procs").read_text().split() if below in folder else []
            except OSError:  # it went while we looked
                continue
            found |= {(int(pid), since) for pid in pids if (since := started(int(pid)))}
        return found

    def outside(self, pid: str) -> int:
        """What a process is called out here; 0: there is none."""
        for found, _ in self.processes():
            try:
                numbers = re.search(r"^NSpid:\s*(.*)$", Path(f"/proc/{found}/status").read_text(), re.M)
            except OSError:
                continue
            if numbers and numbers[1].split()[-1] == pid:
                return found
        return 0

    def close(self) -> None:
        if self.init:
            try:
                os.kill(self.init, signal.SIGKILL)  # the namespace's process 1: the kernel ends all the others
            except ProcessLookupError:
                pass
        else:
            self.outer.kill()
        self.outer.wait(timeout=30)
        until(lambda: not self.processes())
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            os.rmdir(folder)
        self.console.close()
        shutil.rmtree(self.state)


def started(pid: int) -> str:
    """When a living process started; empty: it is dead or gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
