"""A gatectl that ends itself by SIGKILL: at a boundary, before or after so many writes to the platform and to the records, or a moment
after it began.
"""

KILLED = """
import os, signal, sys, threading, time
from gatectl.platforms import embedded, flashback
from gatectl.records import buckets, owners, runs, shards
how, left = sys.argv.pop(1), float(sys.argv.pop(1))
def strike():
    global left
    left -= 1
    if how == "boundary" and left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
def around(cls, *names):
    for name in names:
        def call(self, *arguments, inner=getattr(cls, name), **named):
            strike()
            result = inner(self, *arguments, **named)
            strike()
            return result
        setattr(cls, name, call)
around(embedded.Writer, "create", "update", "delete")
around(flashback.Writer, "create", "update", "delete")
around(owners.WritableOwners, "intend", "record", "end")
around(shards.WritableObjectOwners, "intend", "record", "end")
around(runs.WritableRuns, "keep")
around(buckets.Objects, "swap", "delete")
from gatectl.cli.exits import run
if how == "moment":
    def later():
        time.sleep(left)
        os.kill(os.getpid(), signal.SIGKILL)
    threading.Thread(target=later, daemon=True).start()
sys.exit(run(sys.argv[1:]))
"""
