"""`itl-bench reference`, in a checkout of its own: what it writes, and when it writes nothing."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from itl_bench.catalog.loading import shipped
from itl_bench.run.recording import expectations

TOP = shipped("cases").parent
RECORD = "reports/reference/published/record.json"
WRITTEN = ["cases/expected/published.yaml", RECORD, "reports/reference/published/report.md"]
GIT = ("git", "-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false")

pytestmark = pytest.mark.skipif(not (TOP / ".git").exists(), reason="only a git checkout has committed records")


def git(folder, *arguments):
    return subprocess.run([*GIT, *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def commit(folder):
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--no-verify", "--message", "as it is")
    return git(folder, "rev-parse", "HEAD")


def changed(folder):
    """Files that are not as committed, untracked ones too."""
    return sorted(line.split()[-1] for line in git(folder, "status", "--porcelain").splitlines())


@pytest.fixture
def checkout(tmp_path):
    """A clone with one commit: of the files as they are here, also those that are not committed yet."""
    folder = tmp_path / "checkout"
    for name in git(TOP, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (TOP / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(TOP / name, folder / name)
    git(folder, "init", "--quiet")
    commit(folder)
    return folder


def add_hook(checkout, line):
    """Commit that every pytest session begins with a line of code."""
    path = checkout / "conftest.py"
    hook = f"import pytest\n\ndef pytest_sessionstart(session):\n    {line}\n"
    path.write_text(path.read_text(encoding="utf-8") + hook, encoding="utf-8")
    commit(checkout)


def call(checkout, *arguments, cwd=None):
    """Run the command of a checkout; exit code, and the lines on stderr."""
    code = "from itl_bench.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}
    result = subprocess.run(
        [sys.executable, "-c", code, "reference", *arguments], cwd=cwd or checkout, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return result.returncode, result.stderr.splitlines()


def test_it_writes_what_is_committed_of_a_profile_and_finds_the_same(checkout):
    before = json.loads((TOP / RECORD).read_text(encoding="utf-8"))
    assert call(checkout, "published") == (0, [])
    after = json.loads((checkout / RECORD).read_text(encoding="utf-8"))
    assert after["run"]["git"] == git(checkout, "rev-parse", "HEAD")
    for part in ("cases", "claims"):
        assert rounded(after[part]) == rounded(before[part])
    assert changed(checkout) == WRITTEN  # and not the README, whose table is of another profile
    recorded = expectations.load(checkout / WRITTEN[0])
    assert recorded.cases == expectations.load(TOP / WRITTEN[0]).cases
    assert recorded.recorded_from.git == git(checkout, "rev-parse", "HEAD")


def rounded(data):
    """Nested data with its numbers to nine digits: the last ones may depend on a library's version."""
    if isinstance(data, dict):
        return {key: rounded(value) for key, value in data.items()}
    if isinstance(data, list):
        return [rounded(value) for value in data]
    return float(f"{data:.9g}") if isinstance(data, float) else data


def test_nothing_is_written_before_all_profiles_have_run(checkout):
    add_hook(checkout, "if session.config.getoption('itl_profile') == 'embedded': pytest.exit('stopped', 7)")
    code, lines = call(checkout, "published", "embedded", "-n", "1")
    assert code == 2
    assert lines[-1].startswith("ERROR: embedded ended with exit code 7, so nothing that is committed was written; ")
    assert (checkout / "build" / "published" / "latest" / "record.json").exists()
    assert changed(checkout) == []


def test_a_checkout_that_changes_meanwhile_is_said(checkout):
    """The record that the run wrote would name no commit."""
    add_hook(checkout, "(session.config.rootpath / 'LICENSE').write_text('changed')")
    code, lines = call(checkout, "published")
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith("ERROR: the checkout was changed while published ran: its record names ")
    assert changed(checkout) == ["LICENSE"]


def test_an_unknown_profile_is_one_line_and_nothing_is_run(checkout):
    code, lines = call(checkout, "published", "embeded")
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith("ERROR: unknown profile 'embeded'; did you mean 'embedded'? Accepted: ")
    assert not (checkout / "build").exists()


def test_a_changed_tracked_file_is_one_line_and_an_untracked_one_does_not_matter(checkout):
    (checkout / "untracked.txt").write_text("mine", encoding="utf-8")
    (checkout / "LICENSE").write_text("changed", encoding="utf-8")
    code, lines = call(checkout, "published")
    message = "are changed; the records name a commit, so commit or stash what `git status` lists"
    assert (code, lines) == (2, [f"ERROR: tracked files of {checkout} {message}"])
    assert not (checkout / "build").exists()


def test_outside_of_a_git_checkout_is_one_line(checkout, tmp_path):
    code, lines = call(checkout, "published", cwd=tmp_path)
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith(f"ERROR: {tmp_path} is not in {checkout}, which this itl-bench is of; run the")
    shutil.rmtree(checkout / ".git")
    code, lines = call(checkout, "published")
    message = "and the records name it; run the command in a git clone"
    assert (code, lines) == (2, [f"ERROR: git knows no commit of {checkout}, {message}"])
    assert not (checkout / "build").exists()
