from pathlib import Path

import pytest

from itl_bench.errors import UsageError
from itl_bench.record import dump
from itl_bench.report.write import point_latest, write_reports
from tests.helpers.sample_record import sample


@pytest.fixture
def no_links(monkeypatch):
    def refuse(*_arguments, **_options):
        raise OSError("links are not allowed here")

    monkeypatch.setattr(Path, "symlink_to", refuse)


def test_a_run_folder_holds_record_and_reports(tmp_path):
    write_reports(sample(), tmp_path / "run-1")
    assert (tmp_path / "run-1/record.json").read_text(encoding="utf-8") == dump(sample())
    assert {path.name for path in (tmp_path / "run-1").iterdir()} == {
        "record.json", "report.md", "report.html", "index.html",
    }  # fmt: skip
    assert (tmp_path / "run-1/index.html").readlink() == Path("report.html")


def test_writing_again_replaces(tmp_path):
    write_reports(sample(), tmp_path / "run-1")
    write_reports(sample(), tmp_path / "run-1")
    assert len(list((tmp_path / "run-1").iterdir())) == 4


def test_latest_follows_the_newest_run(tmp_path):
    for name in ("run-1", "run-2"):
        write_reports(sample(), tmp_path / name)
        point_latest(tmp_path / name)
    assert (tmp_path / "latest").readlink() == Path("run-2")
    assert (tmp_path / "latest/index.html").read_text().startswith("<!DOCTYPE html>")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "run-1", "run-2"]


def test_a_dangling_latest_is_replaced(tmp_path):
    (tmp_path / "latest").symlink_to("gone")
    (tmp_path / "run-1").mkdir()
    point_latest(tmp_path / "run-1")
    assert (tmp_path / "latest").readlink() == Path("run-1")


@pytest.mark.usefixtures("no_links")
def test_copies_stand_in_where_links_are_impossible(tmp_path):
    for name in ("run-1", "run-2"):
        write_reports(sample(), tmp_path / name)
        (tmp_path / name / "name.txt").write_text(name)
        point_latest(tmp_path / name)
    assert (tmp_path / "latest/name.txt").read_text() == "run-2"
    assert not (tmp_path / "latest").is_symlink()
    assert (tmp_path / "latest/index.html").read_text() == (tmp_path / "run-2/report.html").read_text()


def test_a_real_folder_with_a_record_gives_way_to_the_link(tmp_path):
    write_reports(sample(), tmp_path / "latest")
    write_reports(sample(), tmp_path / "run-1")
    point_latest(tmp_path / "run-1")
    assert (tmp_path / "latest").readlink() == Path("run-1")


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_no_run_has_made_is_left_alone(tmp_path, kind):
    latest = tmp_path / "latest"
    if kind == "folder":
        latest.mkdir()
        (latest / "thesis.tex").write_text("mine")
    else:
        latest.write_text("mine")
    (tmp_path / "run-1").mkdir()
    with pytest.raises(UsageError, match="in the way"):
        point_latest(tmp_path / "run-1")
    assert latest.exists()
    assert not latest.is_symlink()


def test_a_folder_called_latest_points_nowhere(tmp_path):
    write_reports(sample(), tmp_path / "latest")
    point_latest(tmp_path / "latest")
    assert not (tmp_path / "latest").is_symlink()
