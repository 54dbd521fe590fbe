"""Processes as /proc shows them: identity, descent, marks, memory. The truth from outside, for run and demo."""

import ctypes
import os
import signal
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper():
    """What detaches below us comes to us, not to init: descent from this process is then exact."""
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent():
    """For preexec_fn: SIGTERM when the thread that started us ends, so that even a killed screen ends its gateway."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def reap_adopted(keep=()):
    """Takes the exit status of adopted children, sparing those in `keep` (somebody else waits for them)."""
    for pid, (ppid, _start, state) in snapshot().items():
        if ppid == os.getpid() and state == "Z" and pid not in keep:
            try:
                os.waitpid(pid, os.WNOHANG)
            except OSError:
                pass


def stat(pid):
    """(ppid, start ticks, state) or None. `comm` may hold anything: parse from the last parenthesis."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return int(fields[1]), int(fields[19]), fields[0].decode()


def snapshot():
    """{pid: (ppid, start, state)} of all processes. A zombie whose other threads live on is no zombie ("L")."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        what = stat(entry)
        if what is None:
            continue
        if what[2] in "ZX" and _threads_live(entry):
            what = (what[0], what[1], "L")
        found[int(entry)] = what
    return found


def _threads_live(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/task")) > 1
    except OSError:
        return False


def living(what):
    return what[2] not in "ZX"


def descendants(root, processes=None):
    """Pids below `root`, zombies included (their children are theirs no more, but they may be asked about)."""
    processes = snapshot() if processes is None else processes
    children = {}
    for pid, (ppid, _start, _state) in processes.items():
        children.setdefault(ppid, []).append(pid)
    below, todo = set(), list(children.get(root, []))
    while todo:
        pid = todo.pop()
        if pid not in below:
            below.add(pid)
            todo.extend(children.get(pid, []))
    return below


def mark(pid, name):
    """The value of an environment variable of a process, or None."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            text = file.read()
    except OSError:
        return None
    wanted = name.encode() + b"="
    for entry in text.split(b"\0"):
        if entry.startswith(wanted):
            return entry[len(wanted):].decode(errors="replace")
    return None


def pss_bytes(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def command(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


class Watch:
    """Remembers every process that was ever seen below `root` or carrying `name=prefix…`, by (pid, start ticks).

    So a process that detached, or whose parents are gone, is still ours when it is looked for later.
    """

    def __init__(self, root, name="HOLDFAST_TREE", prefix=None):
        self.root, self.name, self.prefix = root, name, prefix
        self.seen = {}   # (pid, start) -> mark or None
        self.trees = {}  # mark -> {(pid, start)}

    def look(self):
        """One look: {pid: mark} of those living now, the root not included."""
        processes = snapshot()
        below = descendants(self.root, processes) if self.root in processes else set()
        now = {}
        for pid, what in processes.items():
            identity = (pid, what[1])
            known = identity in self.seen
            tag = self.seen.get(identity)
            if tag is None and (known or pid in below or self.prefix is not None):
                tag = mark(pid, self.name)
                if tag is not None and self.prefix is not None and not tag.startswith(self.prefix):
                    tag = None
            if pid == self.root or not (known or pid in below or (tag is not None and self.prefix is not None)):
                continue
            self.seen[identity] = tag
            if tag is not None:
                self.trees.setdefault(tag, set()).add(identity)
            if living(what):
                now[pid] = tag
        return now


def kill_by_identity(pid, start):
    """SIGKILL through a pidfd, after the process behind it proved to be the one that was meant."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        what = stat(pid)
        if what is not None and what[1] == start and pid > 1:
            signal.pidfd_send_signal(fd, signal.SIGKILL)
    except OSError:
        pass
    finally:
        os.close(fd)


def wait_until(condition, seconds, step=0.05):
    """True as soon as `condition()` holds, False when the time is over."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(step)
    return True
