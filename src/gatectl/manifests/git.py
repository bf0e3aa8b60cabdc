"""Git, asked about a checkout that may be a stranger's. The only module that starts it (product.md, section 7, git).

- The top of the checkout is found without git, and named to it: a folder that only looks like a repository is never one.
- git first tells whether it is new enough and would use this repository at all (`safe.directory`). Then it works on a
  *stand-in*: a git folder of our own, outside of the checkout, with its objects and refs, its index, and of all its
  configuration only what `_TAKEN` lists. A configuration that names a program, a path or a host is not read by the git
  that works; no hook, filter, monitor, textconv, driver, replacement or graft exists there, and nothing is fetched.
- Nothing is written to the checkout: new objects go into the stand-in.
- git is handed the variables of `_HANDED` and no others, so no credential; it has no terminal and no program to ask with.
- Each question ends, with the run's deadline at the latest, and what git started ends with it.

A controller's mirror (`OwnFolder`) is a git folder that we made: there git may speak to one remote, by the one protocol of its URL,
follows no redirection, reads nobody's configuration and no `.netrc`, and sends what it signs in with to that URL alone.
"""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from gatectl.clock import NEVER, Deadline
from gatectl.errors import DeadlinePassed, InputError, UsageError
from gatectl.files import fences
from gatectl.files.reading import read_regular
from gatectl.quote import quote

OLDEST: Final = (2, 38)
"""The first git that knows `safe.bareRepository`, and that merges without a working tree."""

PATIENCE: Final = 300.0
"""Seconds that one question may take, where the run's deadline is later."""

_GLANCE: Final = 0.1
"""Seconds between two looks at the clock, while git is waited for."""

_HANDED: Final = frozenset(
    ("HOME", "XDG_CONFIG_HOME", "SUDO_UID", "TMPDIR", "SYSTEMROOT", "USERPROFILE", "HOMEDRIVE", "HOMEPATH")
)
"""The variables that git is handed, besides PATH: where the user's own configuration is, and who the user was (sudo)."""

_HANDED_TO_FETCH: Final = frozenset(
    ("TMPDIR", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO")
)
"""The variables that the git of a mirror is handed: how other machines are reached, and who vouches for them."""

_ABOUT_CONFIGURATION: Final = ("GIT_CONFIG_", "GIT_TEST_")
"""Further variables for the git that tells whom it trusts: where the operator says that. The git that works has none of them."""

_TAKEN: Final = re.compile(
    r"core\.(?:autocrlf|eol|filemode|symlinks|ignorecase|precomposeunicode|trustctime|checkstat|sparsecheckout"
    r"|sparsecheckoutcone)|branch\..+\.(?:remote|merge)|remote\..+\.fetch",
    re.DOTALL,
)
"""What of a checkout's configuration is taken over: how its files are compared, and what `@{upstream}` means."""

_TAKEN_OF_USER: Final = "core.excludesfile"
_ORIGIN: Final = "remote.origin.url"
_SMALL: Final = 1 << 16
_LINKED: Final = ("refs", "packed-refs", "reftable", "shallow")
_LINKED_OWN: Final = ("logs", "info/exclude", "info/sparse-checkout", "FETCH_HEAD", "ORIG_HEAD", "MERGE_HEAD")
"""What the stand-in shares with the git folder: of the common one, and of the working tree's own."""

_HARDENED: Final = (
    "--no-pager", "--no-optional-locks", "--no-replace-objects", "--literal-pathspecs",
    "-c", "safe.bareRepository=explicit", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false",
    "-c", "core.splitIndex=false", "-c", "core.safecrlf=false", "-c", "core.attributesFile=/dev/null",
    "-c", "core.askPass=false", "-c", "core.sshCommand=false", "-c", "credential.helper=",
    "-c", "protocol.allow=never", "-c", "diff.external=", "-c", "submodule.recurse=false", "-c", "gc.auto=0",
    "-c", "maintenance.auto=false", "-c", "log.showSignature=false",
)  # fmt: skip

_VARIABLES: Final = {
    "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "false", "GIT_SSH_COMMAND": "false", "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull, "GIT_ATTR_NOSYSTEM": "1", "GIT_ALLOW_PROTOCOL": "",
    **{f"GIT_{who}_{what}": word for who in ("AUTHOR", "COMMITTER")
       for what, word in (("NAME", "gatectl"), ("EMAIL", "gatectl@localhost"), ("DATE", "@0 +0000"))},
}  # fmt: skip


Running = subprocess.Popen[bytes]
"""A question under way."""


class NotInstalled(InputError):
    """There is no git to ask."""


class Answer(NamedTuple):
    """How a question ended: git's own code, and what it printed."""

    code: int
    output: bytes
    errors: bytes


class Repository:
    """The repository of the checkout around a folder. `top` is the real path of the checkout, `origin` the URL of the remote of
    that name, as the checkout has it (None: it has none); `close` when done.

    `until` is the run's deadline. Raises UsageError where the folder is in no checkout, NotInstalled,
    InputError for a git that is too old or will not use the repository, DeadlinePassed. `environ`: where git is found, and what
    of it git is handed.
    """

    def __init__(self, folder: Path, until: Deadline = NEVER, environ: Mapping[str, str] = os.environ) -> None:
        top = fences.find_top(folder)
        if top is None:
            raise _no_checkout(folder)
        from tempfile import TemporaryDirectory

        self.top = top
        self.origin: str | None = None
        self._until = until
        self._environ = environ
        self._program, path = _find_program(top, environ)
        self._handed = {name: value for name, value in environ.items() if name.upper() in _HANDED} | {"PATH": path}
        _check_version(self._program, self._handed, self._until)
        taken = self._ask_about(folder)
        try:
            self._stand_in = TemporaryDirectory(prefix="gatectl-", ignore_cleanup_errors=True)
            self._own, self._common = _git_folders(top)
            _furnish(self._stand_in.name, self._own, self._common, taken)
        except OSError as error:
            raise InputError(f"git cannot be asked: {quote(error.filename or '')}: {error.strerror}") from error

    def close(self) -> None:
        self._stand_in.cleanup()

    def scratch(self, name: str) -> str:
        """The path of a file that lasts as long as this, outside of the checkout."""
        return os.path.join(self._stand_in.name, name)

    def inside(self, path: str | Path) -> str | None:
        """A path relative to the top, as git names it ("." is the top itself); None for one that lies elsewhere."""
        absolute = os.path.abspath(path)
        real = os.path.join(os.path.realpath(os.path.dirname(absolute)), os.path.basename(absolute))
        real = self.top if os.path.realpath(absolute) == self.top else real
        return os.path.relpath(real, self.top) if fences.is_inside(real, self.top) else None

    def ask(self, *words: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None) -> Answer:
        """Ask and wait. Raises InputError where there is no answer in time, DeadlinePassed."""
        return _finish(self.start(*words, variables=variables), self._until, words[0], stdin)

    def start(self, *words: str, variables: Mapping[str, str] | None = None) -> Running:
        """Ask without waiting; `finish` waits."""
        index = os.path.join(self._own, "index")
        given = {**_VARIABLES, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_INDEX_FILE": index}
        command = [self._program, *_HARDENED, f"--git-dir={self._stand_in.name}", f"--work-tree={self.top}", *words]
        return _start(command, self.top, {**self._handed, **given, **(variables or {})})

    def finish(self, process: Running, what: str, patience: float = PATIENCE) -> Answer:
        """Wait for what was started. Raises InputError where it takes longer than `patience` seconds, DeadlinePassed."""
        return _finish(process, self._until, what, patience=patience)

    def _ask_about(self, folder: Path) -> list[tuple[str, str]]:
        """The configuration to take over, of a repository that git itself would use. These questions run nothing."""
        variables = {name: v for name, v in self._environ.items() if name.startswith(_ABOUT_CONFIGURATION)}
        variables = {**self._handed, **variables, **_VARIABLES}
        variables["GIT_CEILING_DIRECTORIES"] = os.path.dirname(self.top)
        command = [self._program, *_HARDENED, "-C", self.top]
        asked = [
            _start([*command, *words], self.top, variables)
            for words in (("rev-parse", "--show-object-format"), ("config", "--list", "-z", "--show-scope"))
        ]
        try:
            form, listed = [_finish(process, self._until, "rev-parse") for process in asked]
        finally:
            for process in asked:
                if process.poll() is None:
                    _end(process)
        if form.code != 0:
            raise _refusal(folder, self.top, form)
        if listed.code != 0:
            raise failed("config", listed)
        self.origin = _origin(listed.output)
        return [("extensions.objectformat", form.output.decode().strip()), *_taken(listed.output)]


class Remote(NamedTuple):
    """A repository elsewhere: its URL over https (http on this machine alone) or an absolute path, and the header that its host is
    sent, and no other (None: none)."""

    url: str
    header: str | None = None

    @property
    def protocol(self) -> str:
        return "file" if self.url.startswith("/") else self.url.partition(":")[0].lower()


class OwnFolder:
    """A git folder of our own, bare, that what a remote holds is fetched into. `environ`: where git is found, and the proxies.

    Raises NotInstalled, InputError for a git that is too old.
    """

    def __init__(self, folder: Path, until: Deadline = NEVER, environ: Mapping[str, str] = os.environ) -> None:
        self.folder = folder
        self._until = until
        self._program, path = _find_program(os.path.realpath(folder), environ)
        self._handed = {name: value for name, value in environ.items() if name.upper() in _HANDED_TO_FETCH}
        self._handed |= {"PATH": path, "HOME": os.devnull, "XDG_CONFIG_HOME": os.devnull}
        _check_version(self._program, self._handed, self._until)

    def make(self, object_format: str) -> None:
        """Make the folder, unless it is there. Raises InputError."""
        words = ("init", "--quiet", "--bare", "--template=", f"--object-format={object_format}", "--", str(self.folder))
        done = self._run([self._program, *_HARDENED, *words], os.sep, {}, b"", PATIENCE)
        if done.code != 0:
            raise failed("init", done)

    def ask(self, *words: str, remote: Remote | None = None, stdin: bytes = b"", patience: float = PATIENCE) -> Answer:
        """Ask and wait; only where a `remote` is named is anybody else spoken to. Raises InputError where there is no answer in
        time, DeadlinePassed."""
        there = self.folder.is_dir()
        command = [self._program, *_HARDENED, *([f"--git-dir={self.folder}"] if there else []), *words]
        return self._run(command, str(self.folder) if there else os.sep, _reaching(remote), stdin, patience)

    def _run(
        self, command: Sequence[str], folder: str, reaching: Mapping[str, str], stdin: bytes, patience: float
    ) -> Answer:
        given = {
            **_VARIABLES,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CEILING_DIRECTORIES": os.sep,
        }
        process = _start(command, folder, {**self._handed, **given, **reaching})
        return _finish(process, self._until, command[1], stdin, patience)


def _reaching(remote: Remote | None) -> Mapping[str, str]:
    """The variables by which git may speak to a remote. The header is none of its words, which other users could read."""
    if remote is None:
        return {}
    settings = [("http.followRedirects", "false"), ("http.lowSpeedLimit", "1000"), ("http.lowSpeedTime", "30")]
    if remote.header is not None:
        settings.append((f"http.{remote.url}.extraHeader", remote.header))
    numbered = {
        f"GIT_CONFIG_{what}_{number}": text
        for number, pair in enumerate(settings) for what, text in zip(("KEY", "VALUE"), pair, strict=True)
    }  # fmt: skip
    return {**numbered, "GIT_CONFIG_COUNT": str(len(settings)), "GIT_ALLOW_PROTOCOL": remote.protocol}


def failed(what: str, answer: Answer) -> InputError:
    """What to say of a question that git could not answer."""
    lines = answer.errors.decode("utf-8", "replace").strip().splitlines()
    said = quote(lines[0]) if lines else "it said nothing"
    return InputError(f"git {what} failed: {said}", "look at the checkout with git")


def _no_checkout(folder: Path) -> UsageError:
    return UsageError(f"{quote(folder)} is not in a git checkout", "run it in one: what is compared are git's commits")


def _refusal(folder: Path, top: str, answer: Answer) -> InputError | UsageError:
    said = answer.errors.lower()
    if b"not a git repository" in said or b"cannot use bare repository" in said:
        return _no_checkout(folder)
    if b"dubious ownership" in said or b"safe.directory" in said:
        return InputError(f"git does not answer for {quote(top)}: it belongs to another user",
                          f"if you trust it: git config --global --add safe.directory {quote(top)}")  # fmt: skip
    return failed("rev-parse", answer)


# The program


def _find_program(top: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """git, and the PATH it is handed: of the folders of PATH, those that are named in full and lie outside of the checkout."""
    from shutil import which

    folders = [f for f in environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(f)]
    path = os.pathsep.join(f for f in folders if not fences.is_inside(os.path.realpath(f), top))
    program = which("git", path=path)
    if program is None:
        raise NotInstalled("git is not installed", f"install git {_oldest()} or newer")
    return program, path


def _check_version(program: str, handed: Mapping[str, str], until: Deadline) -> None:
    """Raises InputError for a git that is too old to be asked."""
    told = _version(program, tuple(sorted(handed.items())), until)
    found = re.search(r"(\d+)\.(\d+)", told)
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        raise InputError(f"{quote(told)} is too old to be asked about a checkout", f"install git {_oldest()} or newer")


@functools.lru_cache(maxsize=8)
def _version(program: str, handed: tuple[tuple[str, str], ...], until: Deadline) -> str:
    answer = _finish(_start([program, "--version"], os.sep, dict(handed)), until, "--version")
    return answer.output.decode("utf-8", "replace").strip() or "git of an unknown version"


def _oldest() -> str:
    return ".".join(map(str, OLDEST))


def _start(command: Sequence[str], folder: str, variables: Mapping[str, str]) -> Running:
    """A session of its own: no terminal to ask on, and one signal ends it with all that it started."""
    try:
        return subprocess.Popen(  # noqa: S603 - git alone, by its full path, without a shell
            command, cwd=folder, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise InputError(f"git cannot be started: {error.strerror or error}") from error


def _finish(process: Running, until: Deadline, what: str, stdin: bytes = b"", patience: float = PATIENCE) -> Answer:
    clock = until.clock
    latest = clock.now() + patience
    ends = latest if until.ends is None else min(latest, until.ends)
    given = stdin
    try:
        while True:
            try:
                output, errors = process.communicate(given, timeout=min(max(ends - clock.now(), 0), _GLANCE))
                return Answer(process.returncode, output, errors)
            except subprocess.TimeoutExpired:
                given = b""  # it was taken
                if clock.now() < ends:
                    continue
                if ends < latest:
                    raise DeadlinePassed(f"the deadline passed while git was asked ({what})") from None
                raise InputError(f"git {what} took longer than {patience:g} s", "look at the checkout") from None
    except BaseException:
        _end(process)
        raise


def _end(process: Running) -> None:
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    with suppress(OSError, ValueError, subprocess.TimeoutExpired):
        process.communicate(timeout=1)


# The stand-in


def _git_folders(top: str) -> tuple[str, str]:
    """The git folder of a checkout, and the common one of all its working trees (the same, mostly). Raises OSError."""
    own = os.path.join(top, ".git")
    if not os.path.isdir(own):
        own = os.path.join(top, os.fsdecode(_small(own)).partition("gitdir:")[2].strip())
    common = own
    with suppress(FileNotFoundError):
        common = os.path.join(own, os.fsdecode(_small(os.path.join(own, "commondir"))).strip())
    return os.path.realpath(own), os.path.realpath(common)


def _small(path: str) -> bytes:
    """A small file of git's. Raises OSError."""
    return read_regular(path, _SMALL)


def _furnish(folder: str, own: str, common: str, taken: Sequence[tuple[str, str]]) -> None:
    """Make a git folder that shares objects and refs with another, and nothing that it says is to be run. Raises OSError."""
    head = os.path.join(own, "HEAD")
    target = os.readlink(head) if os.path.islink(head) else ""
    content = f"ref: {target}\n".encode() if target.startswith("refs/") else _small(head)
    os.makedirs(os.path.join(folder, "objects", "info"))
    os.mkdir(os.path.join(folder, "info"))
    _save(folder, "HEAD", content)
    _save(folder, "objects/info/alternates", os.fsencode(_quoted(os.path.join(common, "objects"))) + b"\n")
    _save(folder, "config", "".join(_written(_settled(taken, common))).encode("utf-8", "surrogateescape"))
    names = [(common, name) for name in _LINKED] + [(own, name) for name in _LINKED_OWN]
    names += [(common, "info/exclude")] if own != common else []
    with suppress(OSError):
        names += [(own, name) for name in os.listdir(own) if name.startswith("sharedindex.")]
    for source, name in names:
        with suppress(FileExistsError):
            if os.path.exists(os.path.join(source, name)):
                os.symlink(os.path.join(source, name), os.path.join(folder, name))


def _save(folder: str, name: str, content: bytes) -> None:
    with open(os.path.join(folder, name), "wb") as stream:
        stream.write(content)


def _quoted(path: str) -> str:
    """A path as git's list of alternates wants it."""
    if path.startswith(('"', "#")) or "\n" in path:
        return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return path


def _settings(listed: bytes) -> Iterator[tuple[bool, str, str]]:
    """The settings of git's list, in the order in which they hold: whether it is the user's own, its key and its value."""
    parts = listed.split(b"\0")
    for scope, entry in zip(parts[::2], parts[1::2], strict=False):
        key, given, value = os.fsdecode(entry).partition("\n")
        yield scope in (b"system", b"global", b"command"), key, value if given else "true"


def _taken(listed: bytes) -> Iterator[tuple[str, str]]:
    """The settings to take over."""
    for own, key, value in _settings(listed):
        if _TAKEN.fullmatch(key) or (own and key == _TAKEN_OF_USER):
            yield key, value


def _origin(listed: bytes) -> str | None:
    """The checkout's own URL of `origin`, the first of several: git fetches from that."""
    return next((url for own, key, url in _settings(listed) if key == _ORIGIN and not own and url), None)


def _settled(taken: Sequence[tuple[str, str]], common: str) -> list[tuple[str, str]]:
    forms = [("core.repositoryformatversion", "1"), ("core.bare", "false")]
    if os.path.isdir(os.path.join(common, "reftable")):
        forms.append(("extensions.refstorage", "reftable"))
    return [*forms, *taken]


def _written(settings: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Settings as git's configuration spells them; those that it could not hold are left out."""
    for key, value in settings:
        section, _, rest = key.partition(".")
        subsection, _, name = rest.rpartition(".")
        if "\n" in subsection:
            continue
        title = f'[{section} "{_escaped(subsection)}"]' if subsection else f"[{section}]"
        yield f'{title}\n\t{name} = "{_escaped(value)}"\n'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
