"""Creating repositories over loopback HTTP: gatectl apply beside a bare client that sends the same requests.

    python tests/benchmarks/over_http.py [--repositories 1000] [--parallelism 4] [--rounds 3]

Both talk to a `gatectl serve` of their own on a fresh SQLite database, one after the other, and both are whole processes.
The bare client sends the same requests (the lists before, the POSTs, the lists after) and does nothing else: no
manifests, no rules, no plan, no comparison.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from generate import generate  # noqa: E402

from serving import EMAIL, PASSWORD, Server  # noqa: E402

CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "GCS_CLIENT_EMAIL", "GCS_PRIVATE_KEY", "AZURE_ACCOUNT_KEY")

BARE = """
import sys, json
from concurrent.futures import ThreadPoolExecutor
import httpx
url, token, parallel, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, limits=httpx.Limits(max_connections=parallel))
def read():
    space = http.get("/workspace").json()["workspaces"][0]["id"]
    lists = [http.get(path, params={"workspaceId": space}).json() for path in ("/bucket", "/ai/llm", "/repo")]
    return space, [bucket["id"] for bucket in lists[0]["buckets"]]
read()
space, buckets = read()
def create(i):
    attached = [{"bucketId": buckets[(3 * i + k) % len(buckets)], "folder": f"f{i}", "master": False} for k in range(3)]
    body = {"name": f"bare-{i}", "storageType": "S3", "mode": "NORMAL", "workspaceId": space, "repoBuckets": attached, "repoAiLlms": []}
    answer = http.post("/repo", json=body).json()
    assert answer["success"] and answer["repoId"], answer
with ThreadPoolExecutor(parallel) as pool:
    list(pool.map(create, range(count)))
read()
"""


def seconds(command: list[str], folder: Path, variables: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env={**os.environ, **variables}, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--repositories", type=int, default=1000)
    arguments.add_argument("--parallelism", type=int, default=4)
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    ours, bare = [], []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as name:
            one = round_of(Path(name), options.repositories, options.parallelism, swap=bool(number % 2))
            ours.append(one[0])
            bare.append(one[1])
    a, b = statistics.median(ours), statistics.median(bare)
    ratio = statistics.median(x / y for x, y in zip(ours, bare, strict=True))
    sys.stdout.write(
        f"{options.repositories} repositories, three attachments each, {options.parallelism} at once\n"
        f"gatectl apply  {a:6.2f} s  ({options.repositories / a:5.0f}/s)\n"
        f"bare client    {b:6.2f} s  ({options.repositories / b:5.0f}/s)\n"
        f"ratio          {ratio:6.2f}  (at most 1.3)\n"
    )


def round_of(folder: Path, count: int, parallel: int, *, swap: bool) -> tuple[float, float]:
    manifests = folder / "manifests"
    generate(count, folder)
    variables = {"GATECTL_EMAIL": EMAIL, "GATECTL_PASSWORD": PASSWORD, **dict.fromkeys(CREDENTIALS, "benchmark")}
    times: dict[str, float] = {}
    for who in ("bare", "ours") if swap else ("ours", "bare"):
        with Server(folder / who) as server:
            variables["GATECTL_TRUSTED_HOSTS"] = server.url.partition("://")[2]
            project = {"apiVersion": "gatectl.io/v1", "kind": "Project", "metadata": {"name": "bench"},
                       "spec": {"environments": {"default": {"platform": server.url}}}}  # fmt: skip
            (folder / "gatectl.yaml").write_text(json.dumps(project))
            gatectl = [sys.executable, "-m", "gatectl"]
            buckets = str(manifests / "buckets")
            seconds([*gatectl, "apply", "--yes", "-q", buckets], folder, variables)
            if who == "ours":
                command = [*gatectl, "apply", "--yes", "-q", "--parallelism", str(parallel), str(manifests)]
            else:
                import httpx

                login = httpx.post(f"{server.url}/user/login", json={"email": EMAIL, "password": PASSWORD}).json()
                command = [sys.executable, "-c", BARE, server.url, login["accessToken"], str(parallel), str(count)]
            times[who] = seconds(command, folder, variables)
    return times["ours"], times["bare"]


if __name__ == "__main__":
    main()
