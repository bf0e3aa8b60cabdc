"""Load every YAML file of a folder with PyYAML's C loader, and print the seconds that the loading took.

Only loading is timed: the bytes are in memory before the clock starts, and the process has started. This is the floor
that the benchmark measures against.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import yaml

if __name__ == "__main__":
    contents = [path.read_bytes() for path in sorted(Path(sys.argv[1]).rglob("*.yaml"))]
    start = time.perf_counter()
    for content in contents:
        for _ in yaml.load_all(content, Loader=yaml.CSafeLoader):
            pass
    sys.stdout.write(f"{time.perf_counter() - start}\n")
