"""The order of the house: what lies where, what modules are called and say of themselves, who may import whom."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from importlib import import_module
from importlib.util import resolve_name
from pathlib import Path

import pytest

from gatectl.cli import COMMANDS
from gatectl.kinds import KINDS
from gatectl.render import RENDERERS
from gatectl.rules import RULES
from pages import page, rows

TOP = Path(__file__).resolve().parent.parent
SOURCE = TOP / "src" / "gatectl"
MODULES = sorted(SOURCE.rglob("*.py"))
LONGEST = 60
"""Lines of a function, its signature and docstring included."""

ENTRIES = {"LICENSE", "README.md", "examples", "pyproject.toml", "schemas", "src", "tests"}
NAMELESS = {"base", "common", "core", "helpers", "manager", "misc", "service", "tools", "utils"}
MACHINES = re.compile(r"(?<![\w.])/(?:work|root|opt/gvenv|home/\w+|Users/\w+)/")
"""Folders that exist on somebody's machine only."""


def ours() -> list[Path]:
    """The files that are in git, or about to be; without git, all but what is hidden or made by running."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (TOP / ".git").exists():
        listed = subprocess.run(command, cwd=TOP, capture_output=True, check=True).stdout.decode().split("\0")
        return [TOP / name for name in listed if name and (TOP / name).is_file()]
    found = (path.relative_to(TOP) for path in TOP.rglob("*") if path.is_file())
    return [TOP / path for path in found if not any(p.startswith(".") or p == "__pycache__" for p in path.parts)]


def name_of(path: Path) -> str:
    return str(path.relative_to(TOP))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return functions_of(ast.parse(path.read_text(encoding="utf-8")))


def functions_of(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def test_the_top_folder_shows_what_it_should_and_nothing_else() -> None:
    assert {path.relative_to(TOP).parts[0] for path in ours() if path.relative_to(TOP).parts[0][0] != "."} == ENTRIES


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    found = []
    for path in ours():
        if path == Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), 1):
            if MACHINES.search(line):
                found.append(f"{name_of(path)}:{number}: {line.strip()[:100]}")
    assert found == []


# Documentation


PAGES = [TOP / "README.md", *sorted((TOP / ".github" / "guides").glob("*.md"))]
LONGEST_PAGE = 400
WIDEST = 120


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_page_of_documentation_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_PAGE


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_the_lines_of_a_page_fit_beside_its_code(path: Path) -> None:
    """Rows of tables cannot be broken, and what a program prints is not ours to break."""
    prose = re.sub(r"^```.*?^```$", lambda block: "\n" * block[0].count("\n"), path.read_text(encoding="utf-8"),
                   flags=re.MULTILINE | re.DOTALL)  # fmt: skip
    wide = [
        f"{name_of(path)}:{number}"
        for number, line in enumerate(prose.splitlines(), 1)
        if len(line) > WIDEST and not line.startswith("|")
    ]
    assert wide == []


CONTRIBUTING = page(TOP / ".github" / "CONTRIBUTING.md")
WORDS = {
    "desired",
    "current",
    "state",
    "change",
    "operation",
    "outcome",
    "attachment",
    "entry",
    "finding",
    "target",
    "owner",
    "run",
}


def test_each_word_of_the_glossary_is_one_of_the_code() -> None:
    glossary = {row[0].strip("*"): row[2].strip("`") for row in rows(CONTRIBUTING.section("The words"))}
    assert set(glossary) >= WORDS
    for word, meant in glossary.items():
        assert defined(meant), f"{word}: there is no {meant}"


def defined(dotted: str) -> bool:
    """Whether a module of gatectl, or something in one, has this name."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        path = SOURCE.joinpath(*parts[:length])
        if path.is_dir() or path.with_suffix(".py").is_file():
            found = import_module(".".join(("gatectl", *parts[:length])))
            return reduce(lambda value, name: getattr(value, name, None), parts[length:], found) is not None
    return False


def test_where_a_new_thing_goes_there_are_such_things_already() -> None:
    """Each path of the table exists, and what is said to be in it is defined there."""
    table = rows(CONTRIBUTING.section("Where a new thing goes"))
    paths = {path for row in table for path in re.findall(r"`([\w.]+/[\w./]*)`", " ".join(row))}
    named = {pair for row in table for pair in re.findall(r"`([A-Z_]+)`[^`|]* in `([\w./]+)`", row[2])}
    named |= {(name, path) for row in table for path, name in re.findall(r"`([\w./]+\.py)`[^`]* with `(\w+)`", row[1])}
    assert len(paths) > 20 and len(named) > 8
    for path in paths:
        assert alike(path), path
    for name, path in named:
        definition = re.compile(rf"^(?:def )?{name}\b", re.MULTILINE)
        assert any(definition.search(found.read_text(encoding="utf-8")) for found in alike(path)), f"{path}: {name}"


def alike(path: str) -> list[Path]:
    """The files and folders that a path of the table means: as it stands, or with other names for NAME and NNN."""
    return list(TOP.glob(path.replace("NNN", "[0-9][0-9][0-9]").replace("NAME", "[a-z]*").rstrip("/")))


# Modules


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring is not None
    assert docstring[0].isupper() or docstring[0] == "`" or docstring.startswith("gatectl")


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [name_of(path) for path in MODULES if path.stem in NAMELESS or path.parent.name in NAMELESS] == []


def test_nothing_in_the_program_prints() -> None:
    calls = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                calls.append(f"{name_of(path)}:{node.lineno}")
    assert calls == []


ROOMS_OF_KINDS = ("kinds/", "platforms/", "server/", "resources.py")
"""Who may know kinds by name: their own tables, and those of the platforms, which have words of their own for them."""

FOR_PEOPLE = ("rules/", "pipelines/starter.py")
"""Whose texts name kinds in sentences and examples."""

NO_KINDS = {
    "render/html.py: Workspace",  # the word before the workspace's name
    *(f"manifests/construction.py: {name}" for name in KINDS),  # texts that many documents have, kept once
}
"""What is called as a kind is, and where nothing depends on it."""


def test_kinds_are_known_by_name_where_their_tables_are_and_nowhere_else() -> None:
    """Whatever else asks a row (`kinds.interface.Kind`), so that a new kind is one line; tests/cli/test_probe.py goes the way
    of one."""
    named = re.compile(rf"\b(?:{'|'.join(KINDS)})\b")
    paths = {kind.collection for kind in KINDS.values()} - {"workspace", "bucket"}  # which are fields of the format too
    found = []
    for path in MODULES:
        inside = path.relative_to(SOURCE).as_posix()
        if inside.startswith(ROOMS_OF_KINDS):
            continue
        for text in texts_of(ast.parse(path.read_text(encoding="utf-8"))):
            several = len(set(named.findall(text))) > 1 and not inside.startswith(FOR_PEOPLE)
            if (text in KINDS or text in paths or several) and f"{inside}: {text}" not in NO_KINDS:
                found.append(f"{inside}: {text}")
    assert found == []


def texts_of(tree: ast.AST) -> Iterator[str]:
    """The texts of a module that are no docstrings."""
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value


def test_what_is_said_of_kinds_in_words_names_them_all() -> None:
    for name in KINDS:
        assert re.search(rf"\b{name}\b", RULES["GW107"].text), name


def test_no_function_is_longer_than_a_page() -> None:
    long = [
        f"{name_of(path)}:{function.lineno} {function.name}: {length} lines"
        for path in MODULES
        for function in functions(path)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > LONGEST
    ]
    assert long == []


WRITERS = {
    "files/outputs.py",
    "files/claims.py",  # an empty file, to be claimed
    "controller/approving.py",  # the folder of its key
    "controller/database.py",  # the folder of its database
    "fleet/mirrors.py",  # a folder of the controller's own
    "fleet/trees.py",  # the files of commits, below a folder of the controller's own
    "cli/console.py",  # the null device, for streams that nobody takes any more
    "cli/exits.py",  # the null device, for streams that are closed
    "manifests/git.py",  # a folder of its own, outside of every checkout
    "network/trust.py",  # the folder of the user's own settings
    "platforms/embedded/claim.py",
    "platforms/embedded/sqlite.py",
}
"""The modules that create or change files; what else is written goes through `outputs`."""


def writes(call: ast.Call) -> bool:
    """Whether a call looks like one that creates or changes a file or folder."""
    text = ast.unparse(call)
    name = ast.unparse(call.func).rpartition(".")[2]
    if name == "open":
        return bool(
            re.search(r"O_(CREAT|TRUNC|WRONLY|RDWR|APPEND)|, ?(mode=)?'[^']*[wax+][^']*'|^open\([^,]*, mode\b", text)
        )
    return isinstance(call.func, ast.Attribute) and name in {
        "write_text",
        "write_bytes",
        "mkdir",
        "makedirs",
        "mkstemp",
        "rename",
        "symlink",
        "touch",
        "TemporaryFile",
    }


def test_only_one_room_writes_files() -> None:
    found = {
        str(path.relative_to(SOURCE))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and writes(node)
    }
    assert found - WRITERS == set()
    assert found >= {"files/outputs.py", "platforms/embedded/sqlite.py"}  # what is looked for would be found


STARTERS = re.compile(
    r"\bos\.(system|popen|exec\w+|spawn\w+|posix_spawn\w*|fork\w*)\(|\bpty\b|create_subprocess|multiprocessing"
    r"|ProcessPool|_winapi|\bctypes\b"
)


def test_only_one_room_starts_programs() -> None:
    found = {str(path.relative_to(SOURCE)) for path in MODULES if "subprocess" in path.read_text(encoding="utf-8")}
    assert found == {"manifests/git.py"}
    assert [name_of(path) for path in MODULES if STARTERS.search(path.read_text(encoding="utf-8"))] == []


def test_whoever_starts_a_program_is_found_by_the_linter_too() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--quiet", "--output-format", "concise", "--stdin-filename"]
    for text, rule in (
        ("import subprocess\n\nsubprocess.run(words)\n", "S603"),
        ("import os\n\nos.popen(words)\n", "S605"),
    ):
        done = subprocess.run(
            [*command, str(SOURCE / "new.py"), "-"], input=text, cwd=TOP, capture_output=True, text=True, check=False
        )
        assert rule in done.stdout


# Tables


def modules_in(folder: str) -> set[str]:
    return {path.stem for path in (SOURCE / folder).iterdir() if path.suffix == ".py" and path.stem != "__init__"}


def test_every_file_of_a_rule_is_in_the_table_under_its_own_name() -> None:
    for name in modules_in("rules") - {"interface"}:
        module = sys.modules[f"gatectl.rules.{name}"]
        rules = module.RULES if hasattr(module, "RULES") else (module.RULE,)
        for rule in rules:
            assert RULES[rule.id] is rule
        if name.startswith("gw"):
            assert [rule.id for rule in rules] == [name.partition("_")[0].upper()]


def test_every_rule_explains_itself() -> None:
    for rule in RULES.values():
        assert re.fullmatch(r"GW[1-6]\d\d", rule.id)
        assert rule.title and not rule.title.endswith(".")
        assert rule.text.endswith(".")


def test_every_file_of_a_kind_is_in_the_table_and_has_its_schema() -> None:
    assert {row.read.__module__.rpartition(".")[2] for row in KINDS.values()} == modules_in("kinds") - {
        "interface",
        "states",
    }
    for row in KINDS.values():
        assert (TOP / "schemas" / f"{row.schema}.schema.json").is_file()


def test_every_renderer_is_a_file_that_the_table_names() -> None:
    for name in RENDERERS.values():
        path = SOURCE.parent / name.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file()


def test_every_command_is_a_file_that_the_table_names() -> None:
    assert set(COMMANDS) <= modules_in("cli")


# Layers


def test_a_module_imports_only_what_lies_below_it() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [program, "--no-cache"], cwd=TOP, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def module_of(path: Path) -> str:
    return ".".join(("gatectl", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")


NAMED = {module_of(path): path for path in MODULES}


def at_load(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when a module is loaded: not those of its functions, and not what is imported for types only."""
    for node in ast.iter_child_nodes(tree):
        late = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        if not late and not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            yield node
            yield from at_load(node)


def imports(name: str, nodes: Iterable[ast.AST]) -> set[str]:
    """The modules of ours that a module of this name imports."""
    package = name if NAMED[name].stem == "__init__" else name.rpartition(".")[0]
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            found |= {whole if (whole := f"{base}.{alias.name}") in NAMED else base for alias in node.names}
    return (found & NAMED.keys()) - {name}


def circles(known: Mapping[str, set[str]]) -> set[str]:
    """Who knows itself by way of others, and who stands between two such circles."""
    left = dict(known)
    while ends := {n for n in left if not left[n] & left.keys() or not any(n in others for others in left.values())}:
        for name in ends:
            del left[name]
    return set(left)


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"a"}}) == {"a", "b", "c"}


@pytest.mark.parametrize("nodes", [at_load, ast.walk], ids=["when they are loaded", "ever"])
def test_no_two_modules_import_each_other(nodes: Callable[[ast.AST], Iterator[ast.AST]]) -> None:
    """Late imports and those for types count too: who is only imported when it is needed is known all the same. What a table
    names by a string (`COMMANDS`, `RENDERERS`, `PLATFORMS`, `STORES`) is not known to the table, which is all that it is for."""
    known = {name: imports(name, nodes(ast.parse(path.read_text(encoding="utf-8")))) for name, path in NAMED.items()}
    assert sum(map(len, known.values())) > 500
    assert circles(known) == set()


# Purity


PURE = [path for path in MODULES if re.search(r"\bPure\b", ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "")]
WORLD = re.compile(
    r"os\.(?!fs\w+$|\w*sep$|path$|path\.(?:join|dirname|basename|split|splitext|relpath|normpath|commonpath|isabs|sep)$)[\w.]+"
    r"|(?:Path\.|pathlib\.).*|(?:time|random|secrets|locale|platform|getpass|pwd|tempfile|shutil)\.\w+|uuid\.uuid[14]"
    r"|(?:.*\.)?(?:datetime|date)\.(?:now|today|utcnow)|sys\.(?:argv|stdin|stdout|stderr)|open|input|print|import_module"
    r"|.*\.(?:read_text|read_bytes|write_text|write_bytes|iterdir|glob|rglob|is_file|is_dir|exists|stat|resolve|absolute|expanduser)"
)
"""What asks the machine: files, folders, variables, clocks, chance. Paths are taken apart and put together; `relpath` asks
nobody about absolute ones."""
ALL_BUT_PURE = {
    "review/settings.py": {"open"},  # its first lines say so: the event file
    "platforms/embedded/servers.py": set[str](),  # URLs are taken apart by sqlalchemy, which asks nobody
    "server/attempts.py": set[str](),  # its clock is handed in
}
"""The modules that are pure but for something, and what that is."""


def asked(tree: ast.AST) -> set[str]:
    """What of a module asks the machine."""
    named = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    called = {ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    imported = {
        f"{n.module}.{alias.name}"
        for n in ast.walk(tree)
        if isinstance(n, ast.ImportFrom)
        for alias in n.names
        if n.module
    }
    return {name for name in named | called | imported if WORLD.fullmatch(name)}


def test_what_asks_the_machine_is_found() -> None:
    text = "import os\nfrom time import monotonic\ndef f(p):\n os.getcwd(), Path.cwd(), os.environ['A'], open(p), p.exists(), time.time()"
    wanted = {"os.getcwd", "Path.cwd", "os.environ", "open", "p.exists", "time.time", "time.monotonic"}
    assert asked(ast.parse(text)) >= wanted
    assert (
        asked(ast.parse("import os\nos.path.join(a, os.sep), name.split(), os.fspath(a), record.stats, opening.x()"))
        == set()
    )


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_a_module_that_says_it_is_pure_asks_nothing_of_the_machine(path: Path) -> None:
    allowed = ALL_BUT_PURE.get(path.relative_to(SOURCE).as_posix(), set())
    assert asked(ast.parse(path.read_text(encoding="utf-8"))) - allowed == set()


def test_whatever_says_that_it_is_pure_may_import_neither_network_nor_terminal_nor_database() -> None:
    contracts = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (core,) = [c["source_modules"] for c in contracts if "sqlite3" in c.get("forbidden_modules", ())]
    held = [module_of(path) for path in PURE if path.relative_to(SOURCE).as_posix() not in ALL_BUT_PURE]
    assert len(held) > 40
    assert [name for name in held if not any(f"{name}.".startswith(f"{listed}.") for listed in core)] == []


# Size


MOST_BRANCHES = 12
MOST_LINES = 450


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions inside of it, which are counted by themselves."""
    for node in ast.iter_child_nodes(function):
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from own_nodes(node)


def complexity(function: ast.AST) -> int:
    """The ways through a function, with those that linters leave out: comprehensions, conditional expressions, `and`, `or`."""
    ways = 1
    for node in own_nodes(function):
        if isinstance(node, (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.match_case)):
            ways += 1
        elif isinstance(node, ast.comprehension):
            ways += 1 + len(node.ifs)
        elif isinstance(node, ast.BoolOp):
            ways += len(node.values) - 1
    return ways


def test_complexity_counts_what_linters_leave_out() -> None:
    text = "def f(a, b):\n  return [c or d for c in a if c for d in b] if a and b else {1 for _ in b}\n"
    assert complexity(next(functions_of(ast.parse(text)))) == 8


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_function_has_more_ways_through_it_than_one_can_keep_in_mind(path: Path) -> None:
    assert [f.name for f in functions(path) if complexity(f) > MOST_BRANCHES] == []


def test_no_module_is_longer_than_can_be_read_at_once() -> None:
    assert [name_of(path) for path in MODULES if path.read_text(encoding="utf-8").count("\n") > MOST_LINES] == []


# Commands


def test_what_commands_do_they_do_through_the_library() -> None:
    """A plan, an apply and a look at the platform are the estate's; a command says what it wants and shows what came of it."""
    own = re.compile(
        r"\bopen_(?:reader|writer|records|history)\b|\bread_(?:records|history)\b"
        r"|reconcile\.(?:work_out|make_plan)\b|\bexecute\("
    )
    assert [
        name_of(path) for path in MODULES if path.parent.name == "cli" and own.search(path.read_text("utf-8"))
    ] == []


# Types


TYPED = ("planning", "applying", "records", "api", "reconcile", "controller", "opening.py")
UNTYPED = {"_differences"}
"""Of guardrails: it compares two project files as they are written."""


def test_no_signature_on_the_way_from_manifests_to_outcomes_says_any() -> None:
    found = []
    for path in MODULES:
        if path.relative_to(SOURCE).parts[0] in TYPED:
            for function in functions(path):
                arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
                said = [a.annotation for a in arguments if a.annotation] + [r for r in [function.returns] if r]
                if any(isinstance(n, ast.Name) and n.id == "Any" for each in said for n in ast.walk(each)):
                    found.append(f"{name_of(path)}: {function.name}")
    assert [each for each in found if each.rpartition(" ")[2] not in UNTYPED] == []


# Tests


TESTS = [path for path in sorted((TOP / "tests").rglob("*.py")) if "benchmarks" not in path.parts]
CLOCKS = re.compile(
    r"^import (?:.*, )?time\b|^from time import\b|\basyncio\.sleep\b|\bwait_for_timeout\b", re.MULTILINE
)
LIMITS = re.compile(r"\btimeout=([\d.]+)|\.(?:wait|join|result)\(([\d.]+)\)|\bselect\(\[.*, ([\d.]+)\)")
PATIENT = 30
"""Seconds, at least, within which a process or a peer that is waited for has to be done; a busy machine needs many."""
TIMED = {
    "tests/attacks/liar.py": "a peer that drips: what it says must not come at once",
    "tests/controller/test_engine.py": "the engine tells nobody that a run has begun or ended; looked at until it has",
    "tests/corpus/recording.py": "the clock of what is recorded is one that counts",
    "tests/fuzz/run.py": "the campaign tells how long it took",
    "tests/leaping.py": "the clock that tests are handed",
    "tests/library/test_api.py": "a server's end of a connection tells nobody when it is closed; looked at until it is",
    "tests/listening.py": "a peer that drips",
    "tests/records/killing.py": "a process is killed at any moment: whichever it is, the same has to hold",
    "tests/server/test_hardening.py": "a client whose pieces come one by one; if they do not, it is served all the same",
    "tests/server/test_serve_command.py": "a token says when it was made: between two looks at the time of day",
}
"""The tests that look at the machine's clock or wait by it, and why a busy machine makes none of them fail."""


def is_timed(text: str) -> bool:
    """Whether a test looks at the machine's clock, waits by it, or has little patience with what it waits for."""
    limits = (float(hit[1] or hit[2] or hit[3]) for hit in LIMITS.finditer(text))
    return CLOCKS.search(text) is not None or any(limit < PATIENT for limit in limits)


def test_no_test_measures_time_or_waits_by_the_machines_clock() -> None:
    """Who wants a limit to pass hands in a clock (`leaping`); the others are there to end a test that hangs."""
    assert {name_of(path) for path in TESTS if is_timed(path.read_text(encoding="utf-8"))} == set(TIMED)


# Words of others


MESSAGES = re.compile(
    r"Finding|Related|\w*(Error|Credential|Refused|Failed|Stopped|Unusable)|StalePlan|Declined|Unreachable|Uncertain|Unsupported"
    r"|Forbidden|NotAuthenticated|DeadlinePassed|PlatformLocked|BadParameter|Interrupted|Invalid\w*|info|debug|warning|result"
)
"""Who is handed a message: the classes of findings and failures, and the words for the console."""
FOREIGN = {
    "account", "bucket", "container", "elsewhere", "environment", "file", "filename", "folder", "given", "host", "id", "instance",
    "label", "location", "name", "near", "oid", "pattern", "path", "place", "platform", "project", "ref", "tag", "target", "text",
    "top", "topic", "url", "value", "workspace",
}  # fmt: skip
"""What somebody else wrote, by the names that we give to it."""
OURS = {
    "kind.name",
    "table.name",
    "self._place",
    "self._proxy.place",
    "route.path",
    "answer.path",
    "response.request.url.path",
    "url",
    "object_id",
}
"""What is called so and is ours: the names of kinds, the paths of requests."""


def bare(tree: ast.AST) -> Iterator[ast.FormattedValue]:
    """The values in messages that are shown as they are: in what is handed over as one, and in what that was assigned from."""
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            nodes = list(ast.walk(function))
            calls = [
                n for n in nodes if isinstance(n, ast.Call) and MESSAGES.fullmatch(ast.unparse(n.func).split(".")[-1])
            ]
            parts = [m for call in calls for a in (*call.args, *(k.value for k in call.keywords)) for m in ast.walk(a)]
            used = {part.id for part in parts if isinstance(part, ast.Name)}
            for node in nodes:
                if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id in used for t in node.targets):
                    parts += ast.walk(node.value)
            yield from {id(part): part for part in parts if isinstance(part, ast.FormattedValue)}.values()


def test_text_of_others_is_quoted_where_it_enters_a_message() -> None:
    found = []
    for path in MODULES:
        for value in bare(ast.parse(path.read_text(encoding="utf-8"))):
            shown = ast.unparse(value.value)
            word = re.split(r"[.\[]", shown.replace("']", ""))[-1].strip("'_")
            foreign = word in FOREIGN and shown not in OURS and "(" not in shown
            if value.format_spec is None and (foreign or shown.startswith("shlex.quote(")):
                found.append(f"{name_of(path)}:{value.lineno}: {shown}")
    assert "\n".join(found) == "", "write quote(…) around what somebody else wrote (gatectl.quote)"
