"""The tiny world, pre-trained, tuned and measured once for all modules that decide its cases."""

import os

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.helpers")  # what they assert is told as in a test

# A test is no worse for a machine that is busy; speed is measured elsewhere.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def tiny_bases(tmp_path_factory):
    """A folder with the pre-trained bases of the tiny world."""
    from tests.helpers.tiny import make_bases

    folder = tmp_path_factory.mktemp("bases")
    make_bases(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_store(tmp_path_factory):
    """Where the store is that all modules on the tiny bases share."""
    return tmp_path_factory.mktemp("work") / "store"


@pytest.fixture(scope="module")
def bases(tiny_bases):
    """The tiny bases in the place of those that ship."""
    from itl_bench.data.bios import shipped

    before = shipped.FOLDER
    shipped.FOLDER = tiny_bases
    shipped.shipped_bases.cache_clear()
    yield tiny_bases
    shipped.FOLDER = before
    shipped.shipped_bases.cache_clear()


@pytest.fixture(scope="module")
def build(bases, tiny_store):
    """Builds what the verdicts on cases read, and gives the store and the tasks; what is there is not built again."""
    from itl_bench.plan.reads import tasks_of
    from itl_bench.stages.builders import builders
    from itl_bench.store.executor import LocalExecutor
    from itl_bench.store.store import Store

    def built(cases, catalog, profile=None):
        store, (tasks, targets) = Store(tiny_store), tasks_of(cases, catalog, profile)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", lambda descriptor: None)  # a tenth of the time; no test pulls the plug
            report = LocalExecutor(store, builders()).build(tasks, "run", targets)
        assert not report.failed
        return store, tasks

    return built
