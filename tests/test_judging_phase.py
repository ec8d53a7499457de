"""What a verdict says of its artifacts: with what they were built, where that differs."""

from itl_bench.judging_phase import mixture
from itl_bench.keys import Task
from itl_bench.store import Store


def artifact(store, number, **provenance):
    task = Task("measure", {"number": number})
    with store.writing(task, provenance) as folder:
        (folder / "table.json").write_text("{}", encoding="utf-8")
    return task.key


def test_artifacts_of_one_environment_need_no_word(tmp_path):
    store = Store(tmp_path)
    packages = {"torch": "2.13.0", "transformers": "5.19.0", "rich": "15"}
    keys = [artifact(store, number, packages=packages, device="cpu", threads=number) for number in range(3)]
    assert mixture(keys, store) == ""
    assert mixture([artifact(store, 9)], store) == ""


def test_a_mixture_is_said(tmp_path):
    store = Store(tmp_path)
    keys = [
        artifact(store, 1, packages={"torch": "2.13.0", "rich": "14"}, device="cpu"),
        artifact(store, 2, packages={"torch": "2.11.0", "rich": "15"}, device="cuda"),
        artifact(store, 3, packages={"torch": "2.13.0"}),
    ]
    assert (
        mixture(keys, store) == "its artifacts were built with different torch 2.11.0 and 2.13.0, device cpu and cuda"
    )
