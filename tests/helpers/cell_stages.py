"""Stages that train nothing, for the tasks of cells."""

import json

from itl_bench.data.rows import Response, Table, write_lines, write_table
from itl_bench.store.artifact import RESPONSES, TABLE, TRAINING


def checkpoint(task, parents, folder):
    (folder / "weights").write_text(task.key, encoding="utf-8")
    (folder / TRAINING).write_text(json.dumps({"losses": [1.0, 0.5], "tokens": 7, "padding": 0.1}), encoding="utf-8")


def answers(task, parents, folder):
    write_lines(
        folder / RESPONSES, [Response(prompt="1", prompt_ids=(1,), response_ids=(2, 3), text=parents[-1].manifest.key)]
    )


def table(task, parents, folder):
    if task.spec["measure"] == "training":
        (folder / TRAINING).write_bytes((parents[0].folder / TRAINING).read_bytes())
    else:
        write_table(folder / TABLE, Table(prompts=("1",), units=("1",), columns={task.spec["measure"]: (1.0,)}))


def nothing(task, parents, folder):
    (folder / "text").write_text(task.kind, encoding="utf-8")


class Stages:
    """Trivial stages that count what they build."""

    def __init__(self, **builders):
        self.built = []
        self.builders = {
            "base": nothing, "corpus": nothing, "probe": nothing, "checkpoint": checkpoint, "responses": answers,
            "measure": table,
        } | builders  # fmt: skip

    def __call__(self):
        return dict.fromkeys(self.builders, self.build), {"device": "none"}

    def build(self, task, parents, folder):
        self.built.append(task.kind)
        self.builders[task.kind](task, parents, folder)
