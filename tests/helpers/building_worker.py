"""A worker in a process of its own: builds the graph of `graph()` and logs every artifact it builds."""

import sys
import time
from pathlib import Path

from itl_bench.store.executor import LocalExecutor
from itl_bench.store.keys import Task
from itl_bench.store.store import Store


def graph(cells=6, seconds=0.05):
    """A corpus, cells on it, and a measure on each cell: corpus -> cell -> measure."""
    corpus = Task("corpus", {"seed": 1})
    built = [Task("cell", {"seed": seed}, (corpus.key,), seconds=seed) for seed in range(cells)]
    measures = [Task("measure", {"seconds": seconds}, (cell.key,)) for cell in built]
    return [*measures, corpus, *built]


def builder(log, seconds):
    def build(task, parents, folder):
        time.sleep(seconds)
        (folder / "text").write_text(task.kind + "".join(one.manifest.key for one in parents), encoding="utf-8")
        with log.open("a", encoding="utf-8") as stream:
            stream.write(f"{task.key}\n")

    return build


def work(root, log, run_id, seconds=0.05):
    build = builder(log, seconds)
    executor = LocalExecutor(Store(root), {"corpus": build, "cell": build, "measure": build})
    return executor.build(graph(seconds=seconds), run_id)


if __name__ == "__main__":
    root, log, run_id, seconds = sys.argv[1:]
    work(Path(root), Path(log), run_id, float(seconds))
