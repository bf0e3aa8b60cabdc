"""Files that are written: where a name leads, what is replaced and what is written in place, for whom, and what failures say."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread, get_ident

import pytest

from gatectl.errors import InputError, UsageError
from gatectl.files import outputs


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project as the working directory, beside a folder `elsewhere`; the umask is 022."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "gatectl.yaml").write_text("")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(folder)
    before = os.umask(0o022)
    yield folder
    os.umask(before)


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def report(path: str) -> None:
    outputs.write(path, "words\n", private=False)


def plan(path: str) -> None:
    outputs.write(path, "words\n", private=True)


def new(path: str) -> None:
    outputs.write_new(path, "words\n")


def more(path: str) -> None:
    outputs.append(path, "words\n")


WAYS = [report, plan, new, more, outputs.check]
"""Every way of asking for a file to be written."""


# Links


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("link", "target", "name"),
    [
        ("out.json", "../elsewhere/new", "out.json"),
        ("out.json", "../elsewhere/old", "out.json"),
        ("folder", "../elsewhere", "folder/new"),
        ("folder", "../elsewhere", "./folder/./old"),
        ("folder", "/dev", "folder/null"),
    ],
)
def test_a_link_that_leaves_the_project_is_not_written_through(
    tmp_path: Path, way: Callable[[str], None], link: str, target: str, name: str
) -> None:
    (tmp_path / "elsewhere" / "old").write_text("old")
    os.symlink(target, link)
    with pytest.raises(InputError, match="leads out of the project") as caught:
        way(name)
    assert caught.value.message.startswith(f"{name} ")
    assert {p.name: p.read_text() for p in (tmp_path / "elsewhere").iterdir()} == {"old": "old"}
    assert os.path.islink(link)


def test_a_link_of_a_link_is_not_written_through(tmp_path: Path) -> None:
    os.symlink("../elsewhere", "one")
    os.symlink("one/new", "two")
    with pytest.raises(InputError, match="leads out of the project"):
        report("two")
    outside = tmp_path / "beside"
    outside.symlink_to("project/one")  # the operator's own link, into the project and out of it again
    with pytest.raises(InputError, match="leads out of the project"):
        report(str(outside / "new"))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_of_the_checkout_around_the_project_is_not_written_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "gateway").mkdir(parents=True)
    (checkout / ".git").mkdir()
    (checkout / "gateway" / "gatectl.yaml").write_text("")
    (checkout / "out").symlink_to("../elsewhere")
    (checkout / "gateway" / "out").symlink_to("../reports")
    (checkout / "reports").mkdir()
    monkeypatch.chdir(checkout / "gateway")
    for name in ("../out/new", "out/new"):
        with pytest.raises(InputError, match="leads out of the project"):
            report(name)
    monkeypatch.chdir(tmp_path)  # from outside, it is a stranger's checkout all the same
    with pytest.raises(InputError, match="leads out of the project"):
        report("checkout/out/new")


def test_links_inside_the_project_and_links_of_the_operator_are_followed(tmp_path: Path, project: Path) -> None:
    (project / "reports").mkdir()
    os.symlink("reports", "out")
    report("out/new")
    assert (project / "reports" / "new").read_text() == "words\n"
    (tmp_path / "latest").symlink_to("elsewhere/report")
    report(str(tmp_path / "latest"))
    assert (tmp_path / "latest").is_symlink()
    assert (tmp_path / "elsewhere" / "report").read_text() == "words\n"
    (tmp_path / "name").symlink_to("project")
    report(str(tmp_path / "name" / "new"))
    assert (project / "new").read_text() == "words\n"


def test_a_circle_of_links_is_said() -> None:
    os.symlink("a", "b")
    os.symlink("b", "a")
    with pytest.raises(InputError, match="a cannot be written"):
        report("a")


@pytest.mark.parametrize("target", ["../elsewhere", "inside"])
def test_the_own_folder_is_never_a_link(project: Path, tmp_path: Path, target: str) -> None:
    (project / "inside").mkdir()
    (project / ".gatectl").symlink_to(target)
    for create in (True, False):
        with pytest.raises(InputError, match="is a symbolic link"):
            outputs.own_folder(project, create=create)
    assert list((tmp_path / "elsewhere").iterdir()) == list((project / "inside").iterdir()) == []


@pytest.mark.parametrize("name", ["platform.db", "platform.db-wal", "platform.db.applying", ".gitignore", "receipts"])
def test_nothing_in_the_own_folder_is_a_link(project: Path, name: str) -> None:
    (project / ".gatectl").mkdir()
    (project / ".gatectl" / name).symlink_to("../../elsewhere/new")
    with pytest.raises(InputError, match="is a symbolic link"):
        outputs.own_folder(project, create=True)


def test_the_own_folder_keeps_itself_out_of_git(project: Path) -> None:
    assert outputs.own_folder(project, create=False) == project / ".gatectl"
    assert not (project / ".gatectl").exists()
    outputs.own_folder(project, create=True)
    outputs.own_folder(project, create=True)
    assert (project / ".gatectl" / ".gitignore").read_text() == "*\n"


def test_the_own_folder_is_its_owners_alone_and_one_that_was_there_stays_as_it_is(
    project: Path,
) -> None:
    outputs.own_folder(project, create=True)
    assert (project / ".gatectl").stat().st_mode & 0o777 == 0o700
    (project / ".gatectl").chmod(0o755)
    outputs.own_folder(project, create=True)
    assert (project / ".gatectl").stat().st_mode & 0o777 == 0o755


LOOKED_INTO = """
import os, sys
from pathlib import Path
from gatectl.errors import InputError
from gatectl.files import outputs
if os.getuid() == 0:
    os.setuid(65534)
try:
    outputs.own_folder(Path(sys.argv[1]), create=False)
except InputError as error:
    print(error.message)
"""


def test_an_own_folder_of_another_user_is_said() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others from the top
        Path(name).chmod(0o755)
        outputs.own_folder(Path(name), create=True)
        (Path(name) / ".gatectl").chmod(0o000 if os.getuid() else 0o700)
        done = subprocess.run(
            [sys.executable, "-c", LOOKED_INTO, name], capture_output=True, text=True, timeout=60, check=False
        )
        (Path(name) / ".gatectl").chmod(0o700)
    assert "cannot be read" in done.stdout and name in done.stdout, done.stderr


# Replaced, or written in place


def test_a_file_is_replaced_whole_and_nothing_stays_beside_it(project: Path) -> None:
    (project / "plan.json").write_text("x" * 100)
    before = os.stat("plan.json").st_ino
    plan("plan.json")
    assert (project / "plan.json").read_text() == "words\n"
    assert os.stat("plan.json").st_ino != before
    assert sorted(os.listdir()) == ["gatectl.yaml", "plan.json"]


def test_plans_are_their_owners_alone_and_reports_follow_the_umask(project: Path) -> None:
    plan("plan.json")
    report("report.sarif")
    assert (mode("plan.json"), mode("report.sarif")) == (0o600, 0o644)
    os.umask(0o027)
    report("other.sarif")
    assert mode("other.sarif") == 0o640
    (project / "other.sarif").chmod(0o664)
    (project / "plan.json").chmod(0o664)
    report("other.sarif")
    plan("plan.json")
    assert (mode("plan.json"), mode("other.sarif")) == (0o600, 0o664)


@pytest.mark.parametrize("way", [report, plan])
def test_a_pipe_is_written_in_place(project: Path, way: Callable[[str], None]) -> None:
    os.mkfifo("pipe")
    outputs.check("pipe")
    got: list[str] = []
    reader = Thread(target=lambda: got.append((project / "pipe").read_text()))
    reader.start()
    way("pipe")
    reader.join()
    assert got == ["words\n"]
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)
    way("/dev/null")


WRITE = """
import sys
from gatectl.files import outputs
print("before")
outputs.check(sys.argv[1])
outputs.write(sys.argv[1], "words\\n", private=True)
print("after")
"""


@pytest.mark.parametrize(
    "name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/../../fd/1", "/proc/thread-self/fd/1"]
)
def test_standard_output_by_name_is_written_where_it_stands(project: Path, name: str) -> None:
    command = [sys.executable, "-c", WRITE, name]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "before\nwords\nafter\n"
    with open("log", "a") as log:
        log.write("first\n")
        log.flush()
        subprocess.run(command, stdout=log, check=True)
    assert (project / "log").read_text() == "first\nbefore\nwords\nafter\n"
    assert mode("log") == 0o644


def test_a_process_substitution_is_written_to() -> None:
    script = f"{sys.executable} -c '{WRITE}' >(cat >got) && wait $! && cat got"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "before\nafter\nwords\n"


def test_a_descriptor_that_is_not_open_or_only_read_is_said() -> None:
    closed = os.open(os.devnull, os.O_WRONLY)
    os.close(closed)
    with pytest.raises(InputError, match=f"/dev/fd/{closed} cannot be written: Bad file descriptor"):
        outputs.check(f"/dev/fd/{closed}")
    with open(os.devnull, "rb") as stream, pytest.raises(InputError, match="cannot be written"):
        outputs.check(f"/dev/fd/{stream.fileno()}")


needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user"
)


def as_nobody(action: Callable[[], None]) -> str:
    """What happens to another user: "" or the message."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            action()
        except (InputError, UsageError) as error:
            said = error.message
        except BaseException as error:
            said = repr(error)
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as stream:
        return stream.read()


@pytest.fixture
def unwritable(tmp_path: Path, project: Path) -> Path:
    """A folder that its user may not write, with a file that everybody may."""
    for folder in (*tmp_path.parents, tmp_path):
        if str(folder).startswith("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    folder = project / "closed"
    folder.mkdir()
    (folder / "open.json").write_text("a much longer text")
    (folder / "open.json").chmod(0o666)
    folder.chmod(0o555)
    return folder


@needs_root
@pytest.mark.parametrize("way", [report, plan])
def test_a_writable_file_in_an_unwritable_folder_is_written_in_place(
    unwritable: Path, way: Callable[[str], None]
) -> None:
    name = str(unwritable / "open.json")
    assert as_nobody(lambda: outputs.check(name)) == ""
    assert as_nobody(lambda: way(name)) == ""
    assert Path(name).read_text() == "words\n"
    assert os.listdir(unwritable) == ["open.json"]


@needs_root
@pytest.mark.parametrize("way", WAYS)
def test_what_cannot_be_written_is_named_as_it_was(unwritable: Path, way: Callable[[str], None]) -> None:
    name = "closed/new.json"
    assert as_nobody(lambda: way(name)) == f"{name} cannot be written: Permission denied"


@needs_root
def test_a_mounted_file_is_written_in_place(tmp_path: Path, project: Path) -> None:
    (tmp_path / "elsewhere" / "real").write_text("a much longer text")
    (project / "mounted").write_text("")
    script = f"""mount --bind ../elsewhere/real mounted 2>/dev/null || exit 77
    exec {sys.executable} -c '{WRITE}' mounted"""
    done = subprocess.run(["unshare", "-m", "bash", "-c", script], capture_output=True, text=True, check=False)
    if done.returncode in (1, 77) and not done.stdout:
        pytest.skip("nothing can be mounted here")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "elsewhere" / "real").read_text() == "words\n"
    assert sorted(os.listdir()) == ["gatectl.yaml", "mounted"]


@pytest.mark.parametrize("way", [report, plan, outputs.check])
def test_a_place_where_no_file_can_be_is_wrong_usage(way: Callable[[str], None]) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        way("nowhere/plan.json")
    with pytest.raises(UsageError, match="is a folder"):
        way(".")
    with pytest.raises(UsageError, match="no file"):
        way("")


def test_trying_a_place_leaves_it_as_it_is(project: Path) -> None:
    (project / "old").write_text("old")
    for name in ("new", "old"):
        outputs.check(name)
    assert sorted(os.listdir()) == ["gatectl.yaml", "old"]
    assert (project / "old").read_text() == "old"


def test_what_is_there_is_never_written_over_as_new(project: Path) -> None:
    (project / "old").write_text("old")
    os.symlink("nothing", "dangling")
    assert [outputs.write_new(name, "words") for name in ("old", "dangling", "a/b/new")] == [False, False, True]
    assert (project / "old").read_text() == "old"
    assert (project / "a/b/new").read_text() == "words"
    assert not (project / "nothing").exists()


def test_two_names_of_one_file_are_told(project: Path) -> None:
    (project / "r.json").write_text("")
    os.symlink("r.json", "link")
    assert outputs.same_file("r.json", "link")
    assert outputs.same_file("new", "./new")
    assert not outputs.same_file("new", "other")
    assert not outputs.same_file("/dev/null", "/dev/null")


def test_runs_at_once_do_not_take_the_folder_of_receipts_from_each_other(tmp_path: Path) -> None:
    """Each finds out first whether it can save one, in folders that it makes for that and removes again."""

    def one(project: Path) -> Path:
        outputs.check_own(project, "receipts")
        name = f"{get_ident()}.json"
        return Path(outputs.keep(project, "receipts", name, "{}", kept=lambda names: names))

    with ThreadPoolExecutor(4) as pool:
        for number in range(150):
            project = tmp_path / str(number)
            project.mkdir()
            assert all(path.exists() for path in pool.map(one, [project] * 4))
