"""`gatectl serve` as a command: where it listens, whom it lets in, how it ends."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest


def test_it_serves_the_projects_own_database_unless_told_otherwise(serve: Any) -> None:
    served = serve()
    repository = served.repository(name="r")
    served.stop()
    assert (serve.folder / ".gatectl" / "platform.db").exists()
    assert serve().one(repository)["name"] == "r"
    elsewhere = serve("--database", "sqlite:///other.db")
    assert elsewhere.call("GET", "/repo")["repos"] == []
    assert (serve.folder / "other.db").exists()


def test_what_the_command_line_writes_the_server_reads(serve: Any) -> None:
    from gatectl.platforms.embedded import open_reader
    from gatectl.platforms.interface import Connection

    served = serve()
    repository = served.repository(served.bucket())
    reader = open_reader(Connection("embedded", serve.folder))
    (read,) = reader.list("repo")
    expected = {name: value for name, value in served.one(repository).items() if name != "units"}
    assert without_nothing(read) == without_nothing(expected)
    reader.close()


def without_nothing(value: Any) -> Any:
    """A value without the fields that are null: over HTTP they are left out (the official client's types)."""
    if isinstance(value, dict):
        return {name: without_nothing(inner) for name, inner in value.items() if inner is not None}
    return [without_nothing(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_cleanly(serve: Any, number: int, code: int) -> None:
    served = serve()
    served.call("GET", "/workspace")
    assert served.stop(number) == code
    assert "Traceback" not in served.log
    assert served.process.stdout.read() == ""


def test_what_is_under_way_is_finished_before_it_ends(serve: Any) -> None:
    served = serve()
    with socket.create_connection(served.url.removeprefix("http://").split(":")) as connection:
        head = b"POST /workspace HTTP/1.1\r\nHost: localhost\r\nContent-Length: 13\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")  # it is read, and waits for the rest
        served.process.send_signal(signal.SIGTERM)
        connection.sendall(b'{"name": "w"}')
        assert connection.recv(65536).startswith(b"HTTP/1.1 201 ")
    assert served.stop() == 0


def test_requests_are_logged_by_method_path_and_status(serve: Any) -> None:
    served = serve()
    served.call("GET", "/repo?workspaceId=x")
    served.call("DELETE", "/bucket/a%0Ab", status=404)
    served.stop()
    lines = served.log.splitlines()
    assert lines[0] == f"listening on {served.url}"
    assert lines[1] == "GET /repo 200"
    assert lines[2] == "DELETE /bucket/a%0Ab 404"
    quiet = serve("--log-format", "json")
    assert json.loads(quiet.log)["message"] == f"listening on {quiet.url}"


def test_beyond_loopback_it_wants_tokens(serve: Any) -> None:
    for host in ("0.0.0.0", "::", "example.com", "192.0.2.1"):
        assert "--token-file" in serve.refused("--host", host, code=64)
    tokens = serve.file("tokens", "first-token\n\n  second-token\n")
    served = serve("--host", "0.0.0.0", "--token-file", tokens)
    port = served.url.rpartition(":")[2]
    served.client.base_url = f"http://127.0.0.1:{port}"
    served.call("GET", "/workspace", status=401)


def test_tokens_of_the_file_are_let_in_and_nobody_else(serve: Any) -> None:
    served = serve("--token-file", serve.file("tokens", "first-token\n\n  second-token\n"))
    for token in ("first-token", "second-token"):
        served.call("GET", "/workspace", headers={"Authorization": f"Bearer {token}"})
    for header in ("Bearer wrong", "Bearer", "first-token", "Basic first-token", "Bearer first-token x"):
        refused = served.call("GET", "/repo", status=401, headers={"Authorization": header})
        assert refused["success"] is False and refused["message"]
    refused = served.call("POST", "/repo", {}, 401)
    assert refused["error_code"] == "UNAUTHORIZED" and refused["error_message"]
    assert served.client.get("/openapi.json").status_code == 200
    assert served.client.get("/repo", headers=[("Authorization", "Bearer \xe9".encode("latin-1"))]).status_code == 401  # type: ignore[list-item]
    served.stop()
    assert "first-token" not in served.log and "wrong" not in served.log


def test_without_tokens_any_token_or_none_is_fine_on_loopback(serve: Any) -> None:
    served = serve()
    served.call("GET", "/workspace")
    served.call("GET", "/workspace", headers={"Authorization": "Bearer whatever"})
    assert (
        served.call("POST", "/user/login", {"email": "a@b", "password": "p"}, 401)["error_code"] == "INVALID_PASSWORD"
    )
    assert served.call("GET", "/user/profile")["data"]["email"]


def test_without_tokens_web_pages_of_others_are_kept_out(serve: Any) -> None:
    served = serve()
    body = {"name": "w"}
    for headers in (
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Host": "rebound.example.com"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "127.evil.example:8080"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Origin": "null"},
        {"Host": "[x"},
    ):
        served.call("POST", "/workspace", body, 403, headers=headers)
    served.call("POST", "/workspace", body, 201, headers={"Origin": "http://localhost:3000"})
    assert len(served.call("GET", "/workspace")["workspaces"]) == 2


def claims(token: str) -> Any:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_login_refresh_and_logout(serve: Any) -> None:
    served = serve("--users", serve.file("users.json", '{"Ann@example.com": "correct horse"}'))
    served.call("GET", "/workspace", status=401)
    login = {"email": "ann@example.com", "password": "correct horse", "deviceInfo": {"any": "thing"}}
    wrong = [served.call("POST", "/user/login", login | other, 401) for other in ({"email": "x"}, {"password": "x"})]
    assert wrong[0] == wrong[1], "who guesses learns nothing"
    assert wrong[0]["error_code"] == "INVALID_PASSWORD"
    before = time.time()
    session = served.call("POST", "/user/login", login)
    after = time.time()
    assert session.keys() == {"success", "accessToken", "refreshToken", "tokenId", "expiresAt", "user"}
    assert session["user"]["email"] == "ann@example.com"
    said = claims(session["accessToken"])
    assert abs(said["exp"] - said["iat"] - 3600) < 2 and before - 1 <= said["iat"] <= after
    assert abs(session["expiresAt"] / 1000 - said["exp"]) < 1
    allowed = {"Authorization": f"Bearer {session['accessToken']}"}
    assert served.call("GET", "/user/profile", headers=allowed)["data"]["email"] == "ann@example.com"
    assert [one["id"] for one in served.call("GET", "/token", headers=allowed)["tokens"]] == [session["tokenId"]]

    first = served.call("POST", "/user/refresh", {"refresh_token": session["refreshToken"]})
    assert first["accessToken"] == first["token"] != session["accessToken"]
    used = served.call("POST", "/user/refresh", {"refresh_token": session["refreshToken"]}, 401)
    assert used.keys() == {"success", "error_code", "message"}
    second = served.call("POST", "/user/refresh", {"refreshToken": first["refreshToken"]})
    served.call("POST", "/user/refresh", {}, 400)
    assert served.call("POST", "/user/logout", {"refresh_token": second["refreshToken"]}) == {"success": True}
    served.call("POST", "/user/refresh", {"refresh_token": second["refreshToken"]}, 401)

    third = served.call("POST", "/user/login", login)
    served.call("DELETE", f"/token/{third['tokenId']}", headers=allowed)
    served.call("DELETE", f"/token/{third['tokenId']}", status=404, headers=allowed)
    served.call("POST", "/user/refresh", {"refresh_token": third["refreshToken"]}, 401)
    forged = session["accessToken"].rpartition(".")[0] + ".AAAA"
    for token in (forged, session["accessToken"] + "x", session["refreshToken"]):
        served.call("GET", "/workspace", status=401, headers={"Authorization": f"Bearer {token}"})
    served.stop()
    assert "correct horse" not in served.log and session["accessToken"] not in served.log


def test_a_database_on_a_server_is_served_without_showing_its_password(serve: Any, postgresql_server: Any) -> None:
    url = postgresql_server.url(postgresql_server.new_database())
    served = serve("--database", url)
    served.repository(served.bucket())
    served.stop()
    assert postgresql_server.password not in served.log
    wrong = postgresql_server.url("postgres", password="canary-5c1f")
    said = serve.refused("--database", wrong, code=9)
    assert "canary-5c1f" not in said
    serve.refused("--database", "postgresql://u:canary-5c1f@127.0.0.1:1/d", code=10)


def test_a_database_that_goes_away_is_503_until_it_is_back(serve: Any, postgresql_server: Any) -> None:
    database = postgresql_server.new_database()
    served = serve("--database", postgresql_server.url(database))
    served.call("GET", "/workspace")
    postgresql_server.run(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
    postgresql_server.disconnect(database)
    assert not served.call("GET", "/workspace", status=503)["success"]
    assert not served.call("POST", "/repo", served_body(), 503)["success"]
    postgresql_server.run(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
    assert served.call("GET", "/workspace")["success"]


def served_body() -> dict[str, Any]:
    return {"name": "r", "storageType": "S3", "mode": "NORMAL", "workspaceId": "00000000-0000-7000-8000-000000000001"}


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (["--database", "mysql://h/d"], 64, "sqlite:///path"),
        (["--database", "sqlite:///nowhere/a.db"], 1, "does not exist"),
        (["--token-file", "nowhere"], 1, "nowhere"),
        (["--token-file", "empty"], 1, "no token"),
        (["--token-file", "binary"], 1, "UTF-8"),
        (["--users", "empty"], 1, "JSON"),
        (["--users", "list.json"], 1, "users"),
        (["--users", "half.json"], 1, "half of a character"),
        (["--users", "deep.json"], 1, "JSON"),
        (["--port", "99999"], 64, "port"),
        (["--host", "localhost", "--port", "BUSY"], 1, "choose another"),
    ],
)
def test_what_cannot_be_is_said(serve: Any, options: list[str], code: int, word: str) -> None:
    serve.file("empty", "\n")
    serve.file("list.json", '{"a": 1}')
    serve.file("half.json", r'{"a": "\ud800"}')
    serve.file("deep.json", "[" * 100_000)
    (serve.folder / "binary").write_bytes(b"\xff\xfe\x00")
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        options = [str(busy.getsockname()[1]) if one == "BUSY" else one for one in options]
        assert word in serve.refused(*options, code=code)


WITHOUT = """
import sys
sys.modules["starlette"] = sys.modules["uvicorn"] = None  # as if they were not installed
from gatectl.cli.exits import run
sys.exit(run(sys.argv[1:]))
"""


def test_without_the_extra_it_says_what_to_install(serve: Any) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", WITHOUT, "serve", "--port", "0"]
    done = subprocess.run(command, cwd=serve.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 64
    assert "install gatectl with its extra 'server'" in done.stderr


def test_many_clients_at_once_get_whole_answers(serve: Any) -> None:
    import threading

    served = serve()
    bucket, workspace, made = served.bucket(), served.workspace, []

    def write(label: str) -> None:
        with httpx.Client(base_url=served.url, timeout=60) as client:
            for number in range(25):
                attached = [{"bucketId": bucket, "folder": f"{label}-{number}"}]
                body = served_body() | {"name": f"{label}-{number}", "workspaceId": workspace, "repoBuckets": attached}
                made.append(client.post("/repo", json=body).json()["repoId"])
                assert client.get(f"/repo?workspaceId={workspace}").json()["success"]

    threads = [threading.Thread(target=write, args=(label,)) for label in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 200
    assert {one["id"] for one in served.call("GET", "/repo")["repos"]} == set(made)
