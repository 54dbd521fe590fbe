"""usage: detach.py PROGRAM ARGUMENT...: starts it as at(1) and daemons of old do: two forks, a session of its own, the root
directory, no descriptor, no environment; and deaf to SIGTERM besides. Exits when that is done."""

import os
import signal
import sys

if os.fork():
    os.wait()
    sys.exit()
os.setsid()
if os.fork():
    os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.chdir("/")
os.closerange(0, 1024)
os.execvpe(sys.argv[1], sys.argv[1:], {})
