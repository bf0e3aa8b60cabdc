"""A secret in a manifest is GW601 wherever it stands, and its value is printed nowhere, in no format, and not with -v."""

from __future__ import annotations

import pytest

from gatectl.render import FORMATS

from .conftest import BUCKET, Shell, project

LLM = "apiVersion: gatectl.io/v1\nkind: LLM\nmetadata: {name: gpt}\nspec:\n  provider: OpenAI\n  endpoint: https://api.example\n"
AWS, OPENAI = "AKIA" + "ABCDEFGH12345678", "sk-" + "proj-abcdefghij0123456789"
PLAIN = "hunter2-hunter2"
GOOD_CREDENTIALS = "credentials: {key: {env: KEY}, secret: {env: SECRET}}"


def credentials(text: str) -> str:
    return BUCKET.replace(GOOD_CREDENTIALS, text)


PLANTED = {
    "the key": (credentials("credentials: {key: %s, secret: {env: SECRET}}"), PLAIN, "GW601"),
    "the secret": (credentials("credentials: {key: {env: KEY}, secret: %s}"), PLAIN, "GW601"),
    "a numeric secret": (credentials("credentials: {key: {env: KEY}, secret: %s}"), "8675309123", "GW601"),
    "a secret of several lines": (credentials("credentials:\n    key: {env: KEY}\n    secret: |\n      begin\n      %s\n"), PLAIN, "GW601"),
    "the credentials": (credentials("credentials: %s"), PLAIN, "GW601"),
    "credentials that are a number": (credentials("credentials: %s"), "8675309123", "GW601"),
    "a list": (credentials("credentials: {key: {env: KEY}, secret: [%s]}"), PLAIN, "GW203"),
    "wrong nesting": (credentials("secret: %s"), PLAIN, "GW202"),
    "wrong nesting, well known": (credentials("secret: %s"), OPENAI, "GW601"),
    "one level too deep": (credentials("credentials: {secret: {key: {env: KEY}, secret: %s}}"), PLAIN, "GW202"),
    "a value beside its reference": (credentials("credentials: {key: {env: KEY}, secret: {env: SECRET, value: %s}}"), PLAIN, "GW202"),
    "the name of a variable": (credentials("credentials: {key: {env: KEY}, secret: {env: %s}}"), PLAIN, "GW205"),
    "a number as a variable": (credentials("credentials: {key: {env: KEY}, secret: {env: %s}}"), "8675309123", "GW203"),
    "the name of a file": (credentials('credentials: {key: {env: KEY}, secret: {file: "%s\\nmore"}}'), PLAIN, "GW205"),
    "an API key": (credentials("credentials: {apiKey: %s}"), OPENAI, "GW601"),
    "a badly written API key": (credentials('credentials: {apiKey: "%s\\n"}'), PLAIN, "GW205"),
    "userinfo": (BUCKET.replace("spec:\n", "spec:\n  endpoint: https://me:%s@s3.example\n"), PLAIN, "GW601"),
    "userinfo, escaped": (BUCKET.replace("spec:\n", 'spec:\n  endpoint: "https:\\/\\/me:%s@s3.example"\n'), PLAIN, "GW601"),
    "userinfo without a scheme": (BUCKET.replace("spec:\n", "spec:\n  endpoint: me:%s@s3.example\n"), PLAIN, "GW205"),
    "an LLM's userinfo": (LLM.replace("https://", "https://me:%s@"), PLAIN, "GW601"),
    "a label": (LLM.replace("{name: gpt}", "{name: gpt, labels: {token: %s}}"), AWS, "GW601"),
    "the key of a label": (LLM.replace("{name: gpt}", "{name: gpt, labels: {%s: x}}"), AWS, "GW601"),
    "the key of a wrong label": (LLM.replace("{name: gpt}", "{name: gpt, labels: {%s: 1}}"), AWS, "GW601"),
    "an unknown field": (LLM.replace("spec:\n", "spec:\n  %s: x\n"), AWS, "GW601"),
    "the provider": (LLM.replace("OpenAI", "%s"), OPENAI, "GW601"),
    "a private key": (LLM + '  credentials: {secret: {env: "-----BEGIN RSA PRIVATE KEY-----\\n%s"}}\n', PLAIN, "GW601"),
    "an API key of a repository": (
        "apiVersion: gatectl.io/v1\nkind: Repository\nmetadata: {name: a}\n"
        "spec: {endpointType: S3, apiKeys: [{secret: %s}]}\n", PLAIN, "GW206",
    ),
}  # fmt: skip


@pytest.mark.parametrize("where", PLANTED)
def test_a_planted_secret_is_found_and_not_repeated(shell: Shell, where: str) -> None:
    text, value, rule = PLANTED[where]
    shell.good().write("manifests/all.yaml", text % value)
    found = shell("validate", "--format", "json")
    assert found.code == 4, where
    assert rule in {f["rule"] for f in found.json["findings"]}
    for command, kind in (("validate", "findings"), ("plan", "plan"), ("apply --yes", "receipt")):
        for name in FORMATS[kind]:  # type: ignore[index]
            for extra in ((), ("-v",), ("--log-format", "json")):
                result = shell(*command.split(), "--format", name, *extra)
                assert result.code == 4
                assert value not in result.out + result.err, (where, command, name)


@pytest.mark.parametrize(
    "value", ["hunter2-hunter2", "{env: 'hunter2-hunter2'}", "[hunter2-hunter2]", "{secret: hunter2-hunter2}"]
)
def test_a_token_in_the_project_file_is_found_and_not_repeated(shell: Shell, value: str) -> None:
    shell.good().write(
        "gatectl.yaml", project(default={"platform": "https://gateway.invalid", "token": "@"}).replace('"@"', value)
    )
    for line in ("validate", "validate --format json", "plan", "plan --format json", "plan -v"):
        result = shell(*line.split())
        assert result.code == 4
        assert "hunter2" not in result.out + result.err


def test_references_are_no_secrets(shell: Shell) -> None:
    text = BUCKET.replace("env: SECRET", "file: ../secrets/sk-live") + "---\n" + LLM.replace(
        "https://api.example", "https://api.example:8080/v1?x=y@z:1") + "  credentials: {secret: {env: OPENAI_API_KEY}}\n"  # fmt: skip
    shell.good().write("manifests/all.yaml", text + f"# {AWS} in a comment is not in a value\n")
    assert shell("validate") == (0, "Valid: 2 manifests in 1 file.\n", "")
