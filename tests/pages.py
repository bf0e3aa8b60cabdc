"""The README and the guides, as their readers take them: sections, tables, links, and blocks that are followed from top to
bottom.

A mark is a comment just above a block, which readers do not see. It says what the block is:

    <!-- command: NAME -->               what CI runs by this name, as it stands there
    <!-- file: NAME -->                  the reader writes this file
    <!-- file: NAME, breaks GW301 -->    the same, with mistakes on purpose: it breaks these rules and no others
    <!-- not run: WHY -->                nobody can run it

A `console` block is commands with what they print. All of a page are run in order, in one empty folder, as they would be in
one shell: files are written when their block comes, `cd` and `export` last, and `gatectl serve … &` is a server until the page
ends or says `kill %1`; `… 2> FILE &` is one that says nothing.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gatectl.rules import RULES

TOP = Path(__file__).resolve().parent.parent
README = TOP / "README.md"
GUIDES = TOP / ".github" / "guides"
BIN = Path(sys.executable).parent

FENCE = re.compile(r"(?:^<!-- (.*?) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)

HIDDEN = (
    "AWS_",
    "AZURE_",
    "CI",
    "CLICOLOR",
    "COLUMNS",
    "FORCE_COLOR",
    "GATECTL_",
    "GCS_",
    "GIT",
    "NO_COLOR",
    "OPENAI_",
    "XDG_",
)
"""What of the environment would make a difference to what is printed."""
SHOWN_PORT = "127.0.0.1:8080"
"""Where a page says that its server listens; a test's listens where there is room."""
VARYING = (
    (re.compile(r"sha256:[0-9a-f]{64}"), "sha256:…"),
    (re.compile(r"\b\d{8}T\d{9}Z-[0-9a-f]{8}\b"), "20260131T101530123Z-9f86d081"),
    (re.compile(r"(?<![0-9a-f]{12})  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  \S+ +"), "  2026-01-31 10:15:30  ann@desk  "),
    (re.compile(r"\bBY +COMMIT\b"), "BY        COMMIT"),
    (re.compile(r"\b(since|Commit:) [0-9a-f]{12}\b"), r"\1 8c1f0f2a7d5e"),
    (re.compile(r"\b(\d+ passed) in \d+\.\d\ds"), r"\1 in 0.50s"),
    (
        re.compile(r"(Approved for '\S+' by )\S+(: sha256:… of commit )\w+(, until )[^.]+"),
        r"\1ana@desk\g<2>8c1f0f2a7d5e…\g<3>2026-02-07 10:15:30",
    ),
    (re.compile(r"(?<=  )([0-9a-f]{12})  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "8c1f0f2a7d5e  2026-01-31 10:15:30"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"), "2026-01-31T10:15:30Z"),
)
"""What is different each time, and what pages have in its place."""


class Block(NamedTuple):
    """A fenced block. `start` and `end` are where its text lies in the page."""

    mark: str
    language: str
    text: str
    start: int
    end: int

    @property
    def file(self) -> str | None:
        """The name of the file that the reader writes."""
        return self.mark.removeprefix("file: ").partition(",")[0] if self.mark.startswith("file: ") else None

    @property
    def breaks(self) -> set[str]:
        """The rules that it breaks on purpose."""
        return set(self.mark.partition(", breaks ")[2].split())


class Page(NamedTuple):
    path: Path
    text: str

    @property
    def name(self) -> str:
        return str(self.path.relative_to(TOP))

    @property
    def blocks(self) -> list[Block]:
        return [Block(m[1] or "", m[2], m[3], m.start(3), m.end(3)) for m in FENCE.finditer(self.text)]

    @property
    def prose(self) -> str:
        """The text without its blocks."""
        return FENCE.sub("", self.text)

    def section(self, title: str) -> str:
        """The text below a heading, up to the next heading of its level or above."""
        prose = re.sub(r"^```.*?^```$", lambda m: m[0].replace("\n#", "\n "), self.text, flags=re.MULTILINE | re.DOTALL)
        headings = list(HEADING.finditer(prose))
        for index, heading in enumerate(headings):
            if heading[2] == title:
                after = (h.start() for h in headings[index + 1 :] if len(h[1]) <= len(heading[1]))
                return self.text[heading.end() : next(after, None)]
        raise AssertionError(f"{self.name} has no section '{title}'")

    def anchors(self) -> set[str]:
        """What a link to this page may name behind its '#', as GitHub makes them of headings."""
        found: set[str] = set()
        for heading in HEADING.finditer(self.prose):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[2]).lower()
            slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
            number = 0
            while (anchor := f"{slug}-{number}" if number else slug) in found:
                number += 1
            found.add(anchor)
        return found

    def links(self) -> list[str]:
        """Where its links lead, those to other sites left out."""
        return re.findall(r"\]\((?!\w+:)([^)\s]+)\)", self.prose)


def page(path: Path) -> Page:
    return Page(path, path.read_text(encoding="utf-8"))


def followed() -> list[Page]:
    """The pages whose examples are run: the README, and the guides by name."""
    return [page(README), *map(page, sorted(GUIDES.glob("*.md")))]


def rows(text: str) -> list[list[str]]:
    """The rows of the one table in a text, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in lines[2:]]


# Following a page


class Walk:
    """A shell in an empty folder, as the reader of a page has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        home = folder / "home"
        home.mkdir()
        (home / ".gitconfig").write_text("[user]\nname = Ana\nemail = ana@acme.example\n[init]\ndefaultBranch = main\n")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(HIDDEN)}
        self.environment |= {
            "GATECTL_CONTROLLER_LISTEN": "127.0.0.1:0",
            "GATECTL_SERVE_PORT": "0",
            "GIT_CEILING_DIRECTORIES": str(folder),
            "HOME": str(home),
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        }
        self._server: subprocess.Popen[str] | None = None
        self._port = SHOWN_PORT

    def __enter__(self) -> Walk:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop()

    def write(self, name: str, text: str) -> None:
        assert SHOWN_PORT not in text or self._port != SHOWN_PORT, f"{name} names a server that does not run yet"
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace(SHOWN_PORT, self._port), encoding="utf-8")

    def run(self, command: str) -> str:
        """What a command prints, as a page would show it."""
        if command.startswith("export "):
            self.environment |= dict(word.split("=", 1) for word in shlex.split(command)[1:])
            return ""
        if command.startswith("cd "):
            self.folder = self.folder / command.removeprefix("cd ")
            return ""
        if command == "kill %1":
            return self._stop()
        if command.endswith(" &"):
            return self._serve(command.removesuffix(" &"))
        done = subprocess.run(
            ["bash", "-c", command.replace(SHOWN_PORT, self._port)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return self._shown(done.stdout)

    def _serve(self, command: str) -> str:
        assert self._server is None, "a page has one server at a time"
        silent = " 2> " in command
        self._server = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if silent else subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if silent:
            return ""
        assert self._server.stdout is not None
        first = self._server.stdout.readline()
        found = re.search(r"127\.0\.0\.1:\d+", first)
        assert found is not None, first + self._server.stdout.read()
        self._port = found[0]
        self.environment["GATECTL_SERVE_PORT"] = self._port.rpartition(":")[2]  # the next one is where this one was
        # Nobody reads on; a full pipe would stop the server.
        subprocess.Popen(["cat"], stdin=self._server.stdout, stdout=subprocess.DEVNULL)
        return self._shown(first)

    def _stop(self) -> str:
        if self._server is not None:
            self._server.terminate()
            self._server.wait()
            if self._server.stdout is not None:
                self._server.stdout.close()
            self._server = None
        return ""

    def _shown(self, text: str) -> str:
        text = text.replace(self._port, SHOWN_PORT).replace(self.environment["HOME"], "~")
        for varying, instead in VARYING:
            text = varying.sub(instead, text)
        return text


def follow(of: Page, folder: Path) -> Iterator[tuple[Block, str]]:
    """Each console block of a page, and how it comes out when the page is followed in a folder."""
    with Walk(folder) as walk:
        for block in of.blocks:
            if block.file is not None:
                walk.write(block.file, block.text)
            elif block.language == "console":
                commands = re.findall(r"^\$ (.*)$", block.text, re.MULTILINE)
                yield block, "".join(f"$ {command}\n{walk.run(command)}" for command in commands)


def rewritten(of: Page, folder: Path) -> str:
    """A page with what its commands print now, and the rules that there are."""
    text, last = "", 0
    for block, real in follow(of, folder):
        text += of.text[last : block.start] + real
        last = block.end
    return RULE_TABLE.sub(lambda found: found[1] + rule_rows() + found[2], text + of.text[last:])


RULE_TABLE = re.compile(r"(<!-- rules -->\n.*\n.*\n)(?:\|.*\n)*(<!-- /rules -->)")


def rule_rows() -> str:
    """The rows of the table of rules, between marks of their own, as the program has them."""
    return "".join(f"| {rule.id} | {_low(rule.title)} |\n" for rule in RULES.values())


def _low(title: str) -> str:
    first = title.split()[0]
    return title if first.isupper() and len(first) > 1 else title[0].lower() + title[1:]
