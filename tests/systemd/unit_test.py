"""The units that we ship, under a real systemd: what becomes of the servers, whatever systemd does to the gateway.

usage: unit_test.py BIN UNITS [CASE...]
BIN: where holdfast, holdfast-keeper and fixtures/mcp_server are; UNITS: packaging/systemd
Exit 77: this machine cannot boot one, and the reason is said.
"""

import contextlib
import json
import os
import re
import signal
import sys
import threading
import time
import unittest
from pathlib import Path

import lab

BIN, UNITS = Path(sys.argv[1]), Path(sys.argv[2])
GATEWAY = "holdfast.service"
CONFIG = """
listen: []
drain: 6s
mcpServers:
  deaf:
    command: mcp_server
    args: [--ignore-eof, --ignore-term, --double-fork]
    sharing: shared
    stop: { eof: 200ms, term: 300ms, lost: 200ms }
  polite: { command: mcp_server, sharing: shared }
"""


class Units(unittest.TestCase):
    machine: lab.Lab

    @classmethod
    def setUpClass(cls) -> None:
        cls.machine = lab.Lab({
            "/usr/bin/holdfast": BIN / "holdfast",
            "/usr/libexec/holdfast/holdfast-gateway": BIN / "holdfast-gateway",
            "/usr/libexec/holdfast/holdfast-keeper": BIN / "holdfast-keeper",
            "/usr/bin/mcp_server": BIN / "fixtures" / "mcp_server",
        })
        cls.machine.must("useradd", "--system", "--home-dir", "/var/lib/holdfast", "holdfast")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.machine.close()

    def setUp(self) -> None:
        self.as_user: list[str] = []  # who runs commands: root
        self.manager = ["systemctl"]
        self.unit_file = f"/etc/systemd/system/{GATEWAY}"

    def tearDown(self) -> None:
        self.systemctl("kill", "-s", "SIGCONT", GATEWAY)
        self.systemctl("stop", GATEWAY)
        self.systemctl("reset-failed", GATEWAY)

    def systemctl(self, *words: str) -> str:
        done = self.machine.run(*self.as_user, *self.manager, *words)
        return done.stdout if done.returncode == 0 else ""

    def show(self, name: str) -> str:
        return self.systemctl("show", GATEWAY, "-P", name).strip()

    def log(self) -> str:
        return self.machine.run("journalctl", "--no-pager", "-n", "60").stdout

    def install(self, file: str = GATEWAY, config: str = CONFIG, **changed: str) -> None:
        """A unit as we ship it, but for some settings."""
        text = (UNITS / file).read_text()
        for name, value in changed.items():
            text, times = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.M)
            assert times == 1, f"the unit has no {name}="
        self.write_configuration(config)
        self.machine.write(self.unit_file, text)
        self.systemctl("daemon-reload")

    def write_configuration(self, text: str) -> None:
        self.machine.write("/etc/holdfast/config.yaml", text)

    def start(self, **changed: str) -> int:
        """The gateway with two servers, one of them hard to end. Its pid out here."""
        self.install(**changed)
        self.systemctl("start", GATEWAY)
        self.assertEqual(self.show("ActiveState"), "active", self.log())
        return self.use()

    def answers(self) -> bool:
        return self.machine.run(*self.as_user, "holdfast", *self.socket(), "status").returncode == 0

    def use(self) -> int:
        lab.until(self.answers)  # a manager that is told nothing does not know when it can
        for server in ("deaf", "polite"):
            self.holdfast("call", f"{server}__echo", "text=here")
        gateway = self.gateway()
        lab.until(lambda: len(self.members()) >= 6)
        self.before = self.members()  # gateway, two keepers, two servers, a helper that detached itself
        self.assertEqual(len(self.before), 6, self.log())
        return gateway

    def members(self) -> set[lab.Process]:
        return self.machine.processes(GATEWAY)

    def holdfast(self, *words: str) -> str:
        return self.machine.must(*self.as_user, "holdfast", *self.socket(), *words)

    def socket(self) -> list[str]:
        return [] if self.as_user else ["--socket", "/run/holdfast/holdfast.sock"]

    def facts(self, verb: str) -> dict:
        return json.loads(self.holdfast(verb, "--json"))

    def gateway(self) -> int:
        return self.machine.outside(self.show("MainPID"))

    def kill_in_one_stroke(self, gateway: int) -> None:
        keepers = [pid for pid, _ in self.before if Path(f"/proc/{pid}/exe").resolve().name == "holdfast-keeper"]
        self.assertEqual(len(keepers), 2)
        for number in (signal.SIGSTOP, signal.SIGKILL):  # nobody acts between the first and the last, but for systemd
            for pid in [gateway, *keepers]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def assert_gone(self, within: float) -> None:
        """All that there was before."""
        lab.until(lambda: not self.before & self.machine.processes(), within)
        self.assertEqual(self.before & self.machine.processes(), set(), self.log())

    def assert_back(self, old: int) -> None:
        """Another gateway serves."""
        lab.until(lambda: self.show("ActiveState") == "active" and self.gateway() not in (0, old), 20, 0.1)
        self.assertNotIn(self.gateway(), (0, old), self.log())
        self.assertIn("back", self.holdfast("call", "polite__echo", "text=back"))

    def test_a_service_gets_a_leaf_for_each_server_as_an_ordinary_user(self) -> None:
        gateway = self.start()
        self.assertNotEqual(os.stat(f"/proc/{gateway}").st_uid, 0)
        self.assertEqual(self.facts("status")["custody"]["rung"], "leaf")
        cgroups = {Path(f"/proc/{pid}/cgroup").read_text() for pid, _ in self.before if pid != gateway}
        # Its keepers live beside it, in "holdfast-ID-gateway" where it has controllers to hand down.
        leaves = {path for path in cgroups if path.rpartition(GATEWAY)[2].count("/") == 2}
        self.assertEqual(len(leaves), 2, cgroups)  # one for each server, whatever it detached

    def test_doctor_tells_a_unit_from_none(self) -> None:
        self.start()
        told = self.facts("doctor")
        self.assertEqual(told["gateway"] | {"pid": 0, "pidns": ""},
                         {"pid": 0, "rung": "leaf", "pidns": "", "service": True, "listen": [], "anonymous": "loopback"})
        self.assertFalse(told["here"]["service"])
        stroke = next(row["servers"] for row in told["guarantees"] if "one stroke" in row["event"])
        self.assertIn("systemd", stroke)
        inside = json.loads(self.machine.must("systemd-run", "--quiet", "--pipe", "-p", "User=holdfast",
                                              "-p", "Delegate=yes", "holdfast", "--socket", "/nowhere", "doctor", "--json"))
        self.assertEqual(inside["here"] | {"pidns": ""}, {"rung": "leaf", "pidns": "", "service": True}, inside)

    def test_stop_leaves_nothing(self) -> None:
        self.start()
        self.systemctl("stop", GATEWAY)
        self.assert_gone(0)
        self.assertEqual(self.show("Result"), "success")

    def test_restart_leaves_nothing_of_the_old_one(self) -> None:
        old = self.start()
        self.systemctl("restart", GATEWAY)
        self.assert_gone(0)
        self.assert_back(old)

    def test_L30_a_killed_gateway_leaves_nothing_and_comes_back(self) -> None:
        old = self.start()
        os.kill(old, signal.SIGKILL)
        self.assert_gone(3)
        self.assert_back(old)

    def test_gateway_and_keepers_killed_in_one_stroke_leave_nothing(self) -> None:
        old = self.start(Restart="no")  # no other gateway that could help
        self.kill_in_one_stroke(old)
        self.assert_gone(3)

    def test_nor_do_they_where_nothing_is_delegated(self) -> None:
        old = self.start(Restart="no", Delegate="no")
        self.assertEqual(self.facts("status")["custody"]["rung"], "tree")
        self.kill_in_one_stroke(old)
        self.assert_gone(3)

    def test_a_unit_that_kills_the_main_process_alone_leaves_them_to_the_next_start(self) -> None:
        """The control of the two above: here it is not systemd that ends them."""
        old = self.start(Restart="no", KillMode="process")
        self.kill_in_one_stroke(old)
        lab.until(lambda: self.show("ActiveState") == "failed")
        self.assertGreaterEqual(len(self.before & self.machine.processes()), 2, self.log())  # the deaf one and its helper
        self.systemctl("start", GATEWAY)
        self.assert_gone(3)

    def test_a_gateway_that_stands_still_is_found_by_the_watchdog(self) -> None:
        old = self.start(WatchdogSec="1s")
        time.sleep(2.5)  # longer than two intervals: one that lives is left alone
        self.assertEqual(self.gateway(), old)
        os.kill(old, signal.SIGSTOP)
        self.assert_gone(15)
        self.assert_back(old)

    def test_a_gateway_that_says_nothing_is_taken_for_one_that_stands_still(self) -> None:
        """The control of the one above: it is the gateway's word that keeps it."""
        self.install(Type="exec", WatchdogSec="1s", Restart="no",
                     ExecStart="/usr/bin/env -u NOTIFY_SOCKET holdfast serve --config /etc/holdfast/config.yaml")
        self.systemctl("start", GATEWAY)
        lab.until(lambda: self.show("ActiveState") == "failed", 10)
        self.assertEqual(self.show("Result"), "watchdog", self.log())

    def long_call(self) -> threading.Thread:
        """A call that is in flight for 3 s; then `called`."""
        def call() -> None:
            self.called = self.machine.run("holdfast", *self.socket(), "call", "polite__sleep", "ms=3000")
        calling = threading.Thread(target=call)
        calling.start()
        self.assertTrue(lab.until(lambda: any(row["calls_in_flight"] for row in self.facts("ps")["instances"])))
        return calling

    def test_a_drain_that_takes_longer_than_the_unit_foresaw_is_waited_for(self) -> None:
        self.start(TimeoutStopSec="1s")
        calling = self.long_call()
        before = time.monotonic()
        self.systemctl("stop", GATEWAY)
        self.assertGreater(time.monotonic() - before, 1.2)
        calling.join()
        self.assertEqual(self.called.returncode, 0, self.called.stderr)
        self.assert_gone(0)
        self.assertEqual(self.show("Result"), "success")

    def test_L30_a_stop_that_times_out_leaves_nothing(self) -> None:
        """The control of the one above: a manager that is told nothing ends the gateway in the middle."""
        self.start(Type="exec", TimeoutStopSec="1s", WatchdogSec="0")
        calling = self.long_call()
        self.systemctl("stop", GATEWAY)
        calling.join()
        self.assertNotEqual(self.called.returncode, 0)
        self.assert_gone(0)
        self.assertEqual(self.show("Result"), "timeout")

    def test_a_reload_under_load_ends_nobody(self) -> None:
        gateway = self.start()
        calling = self.long_call()
        self.write_configuration(CONFIG + "  late: { command: mcp_server, sharing: shared }\n")
        self.assertEqual(self.machine.run("systemctl", "reload", GATEWAY).returncode, 0, self.log())
        self.assertIn("here", self.holdfast("call", "late__echo", "text=here"))
        calling.join()
        self.assertEqual(self.called.returncode, 0, self.called.stderr)
        self.assertLessEqual(self.before, self.members())
        self.write_configuration("mcpServers: [")
        self.assertNotEqual(self.machine.run("systemctl", "reload", GATEWAY).returncode, 0, self.log())
        self.assertEqual(self.gateway(), gateway)

    def test_a_broken_configuration_is_not_tried_again(self) -> None:
        self.install(config="listen: [")
        self.systemctl("start", GATEWAY)
        lab.until(lambda: self.show("ActiveState") == "failed", 10)
        self.assertEqual((self.show("ActiveState"), self.show("ExecMainStatus"), self.show("NRestarts")),
                         ("failed", "78", "0"), self.log())

    def test_a_users_own_service_holds_as_much(self) -> None:
        self.machine.must("useradd", "--create-home", "--uid", "1234", "alice")
        self.machine.write("/etc/systemd/system/user@.service.d/lab.conf",  # no session: that would need PAM
                           "[Service]\nPAMName=\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n")
        self.systemctl("daemon-reload")
        self.machine.must("systemctl", "start", "user@1234.service")
        self.as_user = ["setpriv", "--reuid", "alice", "--regid", "alice", "--clear-groups", "env", "HOME=/home/alice",
                        "XDG_RUNTIME_DIR=/run/user/1234"]
        self.manager = ["systemctl", "--user"]
        self.unit_file = f"/etc/systemd/user/{GATEWAY}"
        old = self.start(file="holdfast.user.service", Restart="no")
        self.assertEqual(self.facts("status")["custody"]["rung"], "leaf")
        self.kill_in_one_stroke(old)
        self.assert_gone(3)

    def test_systemd_finds_no_fault_in_what_we_ship(self) -> None:
        self.install()
        dropin = f"/etc/systemd/system/{GATEWAY}.d/limits.conf"
        self.machine.write(dropin, (UNITS / f"{GATEWAY}.d" / "limits.conf.example").read_text())
        self.machine.write(f"/etc/systemd/user/{GATEWAY}", (UNITS / "holdfast.user.service").read_text())
        for scope in ("--system", "--user"):
            verified = self.machine.run("env", "XDG_RUNTIME_DIR=/run", "systemd-analyze", scope, "verify", "--man=no",
                                        GATEWAY)
            self.assertEqual((verified.returncode, verified.stderr), (0, ""), scope)
        self.machine.must("rm", dropin)


if __name__ == "__main__":
    if lacks := lab.missing():
        print(f"systemd/units: Skipped\nsystemd: {lacks}")
        sys.exit(1 if "systemd" in os.environ.get("CUSTODY_REQUIRE", "").split(",") else 77)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
