"""`.github/REFERENCE.md`, written from the program: every command, option, variable, exit code, rule and field.

`python tests/reference.py` writes it again; `test_readme.py` holds the file against it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from gatectl.cli import COMMANDS, gatectl
from gatectl.explain import explain, topics
from gatectl.manifests.schemas import explained
from gatectl.rules import RULES

TOP = Path(__file__).resolve().parent.parent
FILE = TOP / ".github" / "REFERENCE.md"

HEAD = """\
# Reference

Every command, option, environment variable, rule and field. Written from the program by `python tests/reference.py`, and
held against it by a test. The [guides](../README.md#where-to-read-on) explain.
"""

VARIABLES: Mapping[str, str] = {
    "GATECTL_TOKEN": "the platform's token",
    "GATECTL_EMAIL": "with `GATECTL_PASSWORD`: signs in where there is no token",
    "GATECTL_PASSWORD": "with `GATECTL_EMAIL`",
    "GATECTL_SECRET_PATHS": "folders outside of the project whose files manifests may name as secrets, separated as in `PATH`",
    "GATECTL_TRUSTED_HOSTS": "hosts that may be connected to and sent credentials, besides the platform's own: names, `NAME:PORT`"
    " or `*.example.com`, separated by commas",
    "GATECTL_RECORDS_KEPT": "`1`: what a pipeline writes to its local store of records is there in the next run",
    "GATECTL_RECORDS_": "before any variable of `AWS_`, `GOOGLE_` or `AZURE_`: for an object store of records, in place of that"
    " variable",
    "GATECTL_RECORDS_AWS_ACCESS_KEY_ID": "who asks an `s3://` store of records; else `AWS_ACCESS_KEY_ID`",
    "GATECTL_RECORDS_AWS_SECRET_ACCESS_KEY": "see `GATECTL_RECORDS_AWS_ACCESS_KEY_ID`",
    "GATECTL_RECORDS_AWS_SESSION_TOKEN": "see `GATECTL_RECORDS_AWS_ACCESS_KEY_ID`",
    "GATECTL_CONTROLLER_TOKEN": "a controller's token: who gives it is let in; what `--url` sends",
    "GATECTL_METRICS_TOKEN": "a controller's: who gives it may read `/metrics`, and nothing else",
    "GATECTL_CONTROLLER_KEY_FILE": "the file of a controller's key (default: `controller.key`, beside its database)",
    "GATECTL_DOTENV": "a file that `plan` appends `GATECTL_CHANGES`, `GATECTL_FINGERPRINT` …"
    " to, for GitLab's `reports: dotenv`",
    "GITHUB_OUTPUT": "a file that `plan` appends `changes`, `creates`, `deletes` and `fingerprint` to; set by GitHub",
    "GITHUB_STEP_SUMMARY": "a file that `plan` and `apply` append their markdown to; set by GitHub",
    "GITHUB_TOKEN": "what `comment` posts with, on GitHub",
    "GITLAB_TOKEN": "what `comment` posts with, on GitLab: a project access token with the scope `api`",
    "CI_JOB_TOKEN": "instead of `GITLAB_TOKEN`, where a job's token may write comments; set by GitLab",
    "GITHUB_API_URL": "where GitHub's API is; set by GitHub",
    "GITHUB_REPOSITORY": "whose pull request `comment` writes to; set by GitHub",
    "GITHUB_EVENT_PATH": "says which pull request; set by GitHub",
    "GITHUB_REF": "says it too; set by GitHub",
    "GITHUB_ACTIONS": "GitHub says that it is GitHub: receipts name the run (`GITHUB_SERVER_URL`, `GITHUB_RUN_ID`) and who started it"
    " (`GITHUB_ACTOR`)",
    "GITHUB_SERVER_URL": "see `GITHUB_ACTIONS`",
    "GITHUB_RUN_ID": "see `GITHUB_ACTIONS`",
    "GITHUB_ACTOR": "see `GITHUB_ACTIONS`",
    "GITLAB_CI": "GitLab says that it is GitLab: receipts name the job (`CI_JOB_URL`) and who started it (`GITLAB_USER_LOGIN`)",
    "CI_JOB_URL": "see `GITLAB_CI`",
    "GITLAB_USER_LOGIN": "see `GITLAB_CI`",
    "CI_API_V4_URL": "where GitLab's API is; set by GitLab",
    "CI_PROJECT_ID": "whose merge request `comment` writes to; set by GitLab",
    "CI_MERGE_REQUEST_IID": "which merge request; set by GitLab",
    "NO_COLOR": "no colours, unless `--color always`",
    "TERM": "no colours if it is `dumb`",
    "_GATECTL_COMPLETE": "set by the completion scripts",
}
"""What is read from the environment without an option of its own."""


def read_from_the_environment() -> set[str]:
    """The names of variables in our sources, but for those that options have."""
    shape = re.compile(r"_?(GATECTL|GITHUB|GITLAB|CI)_[A-Z0-9_]+|NO_COLOR|TERM")
    found = set()
    for path in (TOP / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and shape.fullmatch(node.value):
                found.add(node.value)
    return found - set(option_variables())


def command_named(name: str) -> click.Command:
    found = gatectl.get_command(click.Context(gatectl), name)
    assert found is not None
    return found


def options_of(command: click.Command) -> list[click.Option]:
    return [option for option in command.params if isinstance(option, click.Option)]


def own_options(name: str) -> list[click.Option]:
    """The options of a command that are not the global ones."""
    everywhere = {option.opts[0] for option in options_of(gatectl)}
    return [option for option in options_of(command_named(name)) if option.opts[0] not in everywhere]


def variable(option: click.Option) -> str:
    if isinstance(option.envvar, str):
        return option.envvar
    return f"GATECTL_{option.name}".upper() if option.allow_from_autoenv else ""


def option_variables() -> Iterator[str]:
    for option in (*options_of(gatectl), *(o for name in COMMANDS for o in own_options(name))):
        if variable(option):
            yield variable(option)


def _options(options: list[click.Option]) -> Iterator[str]:
    yield "| option | what it does | variable |"
    yield "| --- | --- | --- |"
    context = click.Context(gatectl)
    for option in options:
        names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
        choices = option.type.choices if isinstance(option.type, click.Choice) else ()
        metavar = option.metavar or ("" if option.is_flag or choices else option.make_metavar(context))
        shown = f"{names} {_cell(metavar or '')}".strip()
        help_text = _cell(option.help or "")
        if choices:
            help_text += f" One of {', '.join(f'`{choice}`' for choice in choices)}."
        yield f"| {shown} | {help_text} | {f'`{variable(option)}`' if variable(option) else ''} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("[", "\\[").replace("<", "&lt;")


def _commands() -> Iterator[str]:
    yield "\n## Every command\n"
    yield from _options([option for option in options_of(gatectl) if option.name not in ("help", "version")])
    yield "\n`--version` prints the version, `-h` and `--help` what a command does."
    for name in COMMANDS:
        command = command_named(name)
        usage = " ".join(command.collect_usage_pieces(click.Context(command, info_name=name)))
        yield f"\n## `gatectl {name} {usage}`\n"
        yield re.sub(r"[ \t]+\n", "\n", "\n".join(line.strip() for line in (command.help or "").strip().splitlines()))
        if own_options(name):
            yield ""
            yield from _options(own_options(name))


def _variables() -> Iterator[str]:
    yield "\n## Environment variables\n"
    yield "Beside the variables of options, above:\n"
    yield "| variable | what it is |"
    yield "| --- | --- |"
    yield from (f"| `{name}` | {text} |" for name, text in VARIABLES.items())


def _rules() -> Iterator[str]:
    yield "\n## Rules"
    for rule in RULES.values():
        yield f"\n### {rule.id}: {rule.title}\n"
        yield f"{rule.text.replace('<<', '`<<`')}\n"
        yield f"Severity: {rule.severity}{', adjustable in the project file' if rule.adjustable else ''}.\n"
        for word, example in (("Wrong", rule.bad), ("Right", rule.good)):
            yield f"{word}:\n\n```text\n{example.rstrip()}\n```{'' if word == 'Right' else chr(10)}"


def _fields() -> Iterator[str]:
    yield "\n## Fields\n"
    yield "| field | what it is |"
    yield "| --- | --- |"
    schemas = explained()
    for topic in topics(schemas):
        if topic not in RULES:
            head, _, rest = explain(topic, schemas, 100).partition("\n\n")
            kind = head.partition(" (")[2].rstrip(")")
            text = rest.partition("\n\n")[0].replace("\n", " ")
            yield f"| `{topic}` | {_cell(text)} ({kind}) |"


def reference() -> str:
    parts: list[Any] = [HEAD.rstrip("\n")]
    for part in (_commands(), _variables(), _rules(), _fields()):
        parts += part
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
