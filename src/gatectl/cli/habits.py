"""What ten years with Terraform and kubectl make fingers type, and what it is called here. Pure.

A table of words and a table of options; whoever finds a command line wrong asks here for a hint before any other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

_APPLY = "gatectl apply makes the platform as the manifests say; gatectl plan shows it before"
_DELETE = "take the object's manifest away, then: gatectl plan --prune, and gatectl apply --prune"
_LOOK = "gatectl export prints what is live as manifests; gatectl plan shows how it differs from them"
_CHECK = "gatectl validate"

_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("destroy", "delete", "rm", "remove", "prune"), _DELETE),
    **dict.fromkeys(("get", "describe", "list", "ls", "state", "dump", "pull", "output", "cat"), _LOOK),
    **dict.fromkeys(("diff", "preview", "refresh", "drift", "status", "dry-run"), "gatectl plan"),
    **dict.fromkeys(("create", "sync", "up", "deploy", "push", "update", "replace", "run", "reconcile", "patch"), _APPLY),
    **dict.fromkeys(("lint", "check", "test", "verify"), _CHECK),
    "import": "a live object that its manifest matches is adopted by apply; gatectl export writes the manifests",
    "edit": "edit the manifest, then: gatectl plan",
    "console": _LOOK,
    "login": "a token is given by GATECTL_TOKEN, or `token: {env: NAME}` of an environment in gatectl.yaml",
    "workspace": "an environment is chosen by -e NAME, a workspace by --workspace NAME",
    "config": "an environment of gatectl.yaml is chosen by -e NAME",
    "version": "gatectl --version",
    "help": "gatectl --help",
    "docs": "gatectl explain FIELD-OR-RULE",
}  # fmt: skip

_OPTIONS: Final[Sequence[tuple[str, str]]] = (
    (r"--?auto-?approve(=.*)?|-y|--force|-force|--assume-yes", "gatectl apply --yes"),
    (r"-out(=.*)?", "gatectl plan --out FILE"),
    (r"-o=?(json|yaml|wide|name|jsonpath.*)?|--output(=.*)?|-json|--json", "gatectl {command} --format json"),
    (r"-f|--filename(=.*)?|--file(=.*)?|-k|--kustomize(=.*)?|-R|--recursive",
     "a PATH is given without an option, and folders are read with all below: gatectl {command} PATH"),
    (r"--?var(-file)?(=.*)?", "manifests take no variables; an environment may have manifests of its own: gatectl {command} -e NAME"),
    (r"--?dry-run(=.*)?|--?refresh-only|--server-dry-run", "gatectl plan reads, and only reads"),
    (r"--?refresh(=.*)?", "a plan always reads the platform: gatectl plan"),
    (r"--?destroy", _DELETE),
    (r"-n|--namespace(=.*)?|-A|--all-namespaces", "gatectl {command} --workspace NAME"),
    (r"--context(=.*)?|--kubeconfig(=.*)?|--profile(=.*)?|--stack(=.*)?", "gatectl {command} -e NAME"),
    (r"--?chdir(=.*)?|-C", "gatectl {command} --project DIR/gatectl.yaml"),
    (r"--?no-color", "gatectl {command} --color never"),
    (r"--?input(=.*)?", "without a terminal, apply asks nothing and wants --yes"),
    (r"-target(=.*)?", "gatectl {command} --target KIND/[WORKSPACE/]NAME"),
    (r"-parallelism(=.*)?", "gatectl apply --parallelism N"),
    (r"-detailed-exitcode", "gatectl plan --detailed-exitcode"),
    (r"--?replace(=.*)?", "nothing is replaced in silence; credentials are sent again by --renew-credentials KIND/NAME"),
    (r"--?lock(-timeout)?(=.*)?|--?state(=.*)?|--?backend(-config)?(=.*)?", "there is no state to keep or lock: leave it out"),
    (r"--selector-label(=.*)?|--labels?(=.*)?", "gatectl {command} -l team=data"),
    (r"-version", "gatectl --version"),
    (r"-help", "gatectl {command} --help"),
)  # fmt: skip


def command_hint(word: str) -> str | None:
    """What a command of another program is here."""
    return _WORDS.get(word.lower())


def option_hint(arguments: Sequence[str], command: str, option: str | None) -> str | None:
    """What an option of another program is here: the first of a command line's words that is one. `option` is what the
    command line was refused for; where another word is one (`-auto-approve` is refused for its `-a`), it is meant.
    """
    words = [word for word in arguments if word.startswith("-") and word not in ("-", "--")]
    for word in words if option is None else [word for word in words if _is_meant(word, option)]:
        for pattern, hint in _OPTIONS:
            if re.fullmatch(pattern, word):
                return hint.format(command=command or "plan")
    return None


def _is_meant(word: str, option: str) -> bool:
    """Whether a word is what a command line was refused for: the option itself, or one that was read as several short ones."""
    name = word.partition("=")[0]
    if option.startswith("-") and len(option) == 2:
        return word.startswith(option) or option[1] in name
    return name == option
