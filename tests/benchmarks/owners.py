"""How long a plan takes to load what many objects are owned by, and in how much memory, from each kind of store.

    python tests/benchmarks/owners.py               100,000 objects, in a file and in a bucket
    python tests/benchmarks/owners.py 10000 --store sqlite

Each store is read in a process of its own, which has loaded its libraries already; what is read is as large as that of a
repository with three attachments. The bucket is on loopback, and costs no more than its answers do.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from gatectl.documents.ownership import Owned, Owner  # noqa: E402
from gatectl.documents.plans import State  # noqa: E402
from gatectl.platforms.interface import Connection, RecordsChoice  # noqa: E402
from records.object_servers import Google  # noqa: E402
from records.stores import opened  # noqa: E402

READ = """
import json, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from gatectl.platforms.interface import Connection, RecordsChoice
from records.stores import read
def most():  # of this program; what the kernel counts for a process begins with whoever started it
    return next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
connection = Connection("embedded", Path(sys.argv[2]), records=RecordsChoice(sys.argv[3], named=True))
with read(connection) as records:
    before = most()
    start, cpu = time.perf_counter(), time.process_time()
    owned = records.owned()
    print(json.dumps([len(owned), time.perf_counter() - start, time.process_time() - cpu, most(), before]))
"""


def state_of(number: int) -> State:
    attached = [
        {
            "type": "S3",
            "identity": [f"bucket-{number}-{each}"],
            "id": f"b-{number}-{each}",
            "folder": "",
            "master": False,
        }
        for each in range(3)
    ]
    return {"spec": {"name": f"repository-{number}", "endpointType": "S3", "mode": "Normal"}, "attachments": attached}  # type: ignore[typeddict-item]


def owned_by(number: int) -> Owned:
    return Owned(
        Owner("acme", "u-1", "prod", None), "Repository", "default", "w-1", f"repository-{number}", f"id-{number:08}",
        state_of(number), f"sha256:{number:064x}", f"manifests/repository-{number}.yaml", "0" * 40,
        "20260131T101530123Z-9f86d081", "2026-01-31T10:15:30.123Z",
    )  # fmt: skip


@contextmanager
def store(name: str, folder: Path) -> Iterator[str]:
    if name == "sqlite":
        yield f"sqlite:///{folder / 'records.db'}"
        return
    with closing(Google()) as server:
        found = server.bucket("owners")
        os.environ.update(found.variables)
        yield found.url


def measure(name: str, count: int, repeat: int) -> None:
    with tempfile.TemporaryDirectory(prefix="gatectl-owners-") as place, store(name, Path(place)) as url:
        connection = Connection("embedded", Path(place), records=RecordsChoice(url, named=True))
        with opened(connection) as records:
            records.record([owned_by(number) for number in range(count)], ())
            records.finish()
        found = [
            json.loads(subprocess.check_output([sys.executable, "-c", READ, str(HERE.parent), place, url]))
            for _ in range(repeat)
        ]
    assert all(each[0] == count for each in found)
    seconds, cpu, memory, before = (median(each[field] for each in found) for field in (1, 2, 3, 4))
    sys.stdout.write(
        f"{name:>8} {count:>9,} owned: {seconds:6.2f} s ({cpu:.2f} s of CPU), {memory:.0f} MB at most, {before:.0f} before\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=int, default=100_000)
    parser.add_argument("--store", choices=("sqlite", "bucket"))
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args()
    for name in [asked.store] if asked.store else ["sqlite", "bucket"]:
        measure(name, asked.count, asked.repeat)


if __name__ == "__main__":
    main()
