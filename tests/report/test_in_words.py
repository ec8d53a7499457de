"""Artifacts in words, from manifests and from records alike."""

import re
from html import unescape

import pytest

from itl_bench.record import ArtifactRecord
from itl_bench.report import html, markdown
from itl_bench.report.in_words import in_words, words_by_key
from itl_bench.store.artifact import Manifest
from itl_bench.store.keys import Task
from tests.helpers.measured_record import swept, swept_record
from tests.helpers.sample_record import case, record

CELL = {"model": "bios1m", "dataset": "bios-new30-short", "rate": 0.003, "method": {"id": "lora", "parameters": {}}}

BASE = Task("base", {"model": "bios1m", "number": 1})
CORPUS = Task("corpus", {"dataset": "bios-new30-short", "seed": 1011})
PROBE = Task("probe", {"probe": "bios-known"})
TUNED = Task("checkpoint", {**CELL, "seed": 1011}, (BASE.key, CORPUS.key))
OTHER = Task("checkpoint", {**CELL, "seed": 1012}, (BASE.key, CORPUS.key))
OWN = Task("responses", {"engine": "hf"}, (BASE.key, PROBE.key, TUNED.key))
OF_BASE = Task("responses", {"engine": "hf"}, (BASE.key, PROBE.key))


def table(measure, *parents):
    return Task("measure", {"measure": measure}, tuple(parent.key for parent in parents))


KNOWLEDGE = table("knowledge", PROBE, OWN)
TRAINING = table("training", TUNED)
LORA = "lora, bios-new30-short, learning rate 0.003, base 1, seed 1011"
WORDS = [
    (BASE, "base 1 of bios1m"),
    (CORPUS, "corpus of bios-new30-short, seed 1011"),
    (PROBE, "probe bios-known"),
    (TUNED, f"checkpoint of {LORA}"),
    (OWN, f"answers of {LORA}, on bios-known"),
    (OF_BASE, "answers of base 1, on bios-known"),
    (KNOWLEDGE, f"table knowledge of {LORA}, on bios-known"),
    (table("knowledge", PROBE, OF_BASE), "table knowledge of base 1, on bios-known"),
    (table("borrowing", PROBE, OWN, CORPUS), f"table borrowing of {LORA}, on bios-known"),
    (
        table("borrowing", PROBE, OF_BASE, CORPUS),
        "table borrowing of base 1, beside corpus of bios-new30-short, seed 1011, on bios-known",
    ),
    (table("style", PROBE, OWN, CORPUS, OF_BASE), f"table style of {LORA}, on bios-known"),
    (table("shift", BASE, PROBE, OWN, OF_BASE, TUNED), f"table shift of {LORA}, on bios-known"),
    (TRAINING, f"table training of {LORA}"),
    (
        table("seed-floor", BASE, PROBE, OWN, TUNED, OTHER),
        f"table seed-floor of {LORA}, against seed 1012, on bios-known",
    ),
    (table("paraphrase-floor", BASE, PROBE, OF_BASE), "table paraphrase-floor of base 1, on bios-known"),
]  # fmt: skip
TASKS = [task for task, _ in WORDS] + [OTHER]


def manifest(task):
    facts = {"seconds": 1.0, "created": "2026-03-02T01:14:07Z", "provenance": {}, "files": {"data": "0"}}
    return Manifest(
        key=task.key, kind=task.kind, spec=dict(task.spec), parents=task.parents, version=task.version, **facts
    )


def artifact(task):
    return ArtifactRecord(
        key=task.key, kind=task.kind, spec=dict(task.spec), parents=task.parents, seconds=1.0, cached=True
    )


@pytest.mark.parametrize("described", [manifest, artifact, lambda task: task])
@pytest.mark.parametrize(("task", "words"), WORDS, ids=lambda value: value if isinstance(value, str) else "")
def test_every_kind_of_artifact(described, task, words):
    known = {one.key: described(one) for one in TASKS}
    assert in_words(known[task.key], known.get) == words


@pytest.mark.parametrize(
    ("task", "known", "words"),
    [
        (KNOWLEDGE, [], "table knowledge"),
        (KNOWLEDGE, [PROBE], "table knowledge, on bios-known"),
        (KNOWLEDGE, [OWN, TUNED], "table knowledge of lora, bios-new30-short, learning rate 0.003, seed 1011"),
        (Task("checkpoint", {"method": "mine"}), [], "checkpoint of mine"),
        (Task("checkpoint", {}), [], "checkpoint"),
        (Task("base", {}), [], "base"),
        (Task("cell", {"seed": 2}), [], "cell"),
        (Task("corpus", {"dataset": "a\n\x1b[31mb"}), [], "corpus of a [31mb"),
    ],
)
def test_what_is_not_known_is_left_out(task, known, words):
    assert in_words(task, {one.key: one for one in known}.get) == words


def test_artifacts_that_name_each_other_end():
    first = ArtifactRecord(key="a", kind="responses", spec={}, parents=("b",), seconds=0, cached=True)
    second = ArtifactRecord(key="b", kind="responses", spec={}, parents=("a",), seconds=0, cached=True)
    assert in_words(first, {"a": first, "b": second}.get) == "answers"


def with_tables(*read, **changes):
    keys = tuple(task.key if isinstance(task, Task) else task for task in read)
    return swept_record(cases=(swept(artifacts=keys, **changes),), artifacts=tuple(map(artifact, TASKS)))


def test_only_what_cases_read_is_named():
    shown = with_tables(TRAINING, "gone", KNOWLEDGE)
    said = [f"table training of {LORA}", f"table knowledge of {LORA}, on bios-known"]
    assert words_by_key(shown) == dict(zip([TRAINING.key, KNOWLEDGE.key], said, strict=True))


def test_the_page_folds_the_tables_of_a_case_with_their_keys():
    text = html.render(with_tables(KNOWLEDGE, "f" * 32, TRAINING))
    (fold,) = re.findall(r'<details class="tables">(.*?)</details>', text, re.S)
    assert "<summary>Computed from 3 tables</summary>" in fold
    found = re.findall(r'<li>(.*?) <span class="id">(\w+)</span></li>', fold)
    assert [(unescape(words), key) for words, key in found] == [
        (f"table knowledge of {LORA}, on bios-known", KNOWLEDGE.key),
        ("not in the record", "f" * 32),
        (f"table training of {LORA}", TRAINING.key),
    ]
    assert "<dt>Artifacts</dt><dd>" + KNOWLEDGE.key[:12] not in text
    assert ".tables > summary" in text


def test_a_record_without_artifacts_keeps_the_beginnings_of_keys():
    text = html.render(record([case(artifacts=("a" * 64,))], []))
    assert f"<dt>Artifacts</dt><dd>{'a' * 12}</dd>" in text
    assert "tables >" not in text
    assert 'class="tables"' not in text


@pytest.mark.parametrize(
    ("read", "said"),
    [
        ((KNOWLEDGE,), f"Computed from 1 table: table knowledge of {LORA}, on bios-known."),
        (
            (KNOWLEDGE, TRAINING),
            f"Computed from 2 tables: table knowledge of {LORA}, on bios-known; table training of {LORA}.",
        ),
        (
            (BASE, PROBE, CORPUS, TUNED, OWN),
            "Computed from 5 tables: base 1 of bios1m; probe bios-known; corpus of bios-new30-short, seed 1011; "
            "and 2 more.",
        ),
    ],
)
def test_markdown_has_one_line_under_a_contradiction(read, said):
    text = markdown.render(with_tables(*read, headline=0))
    assert said in text.splitlines()
    assert "Computed from" not in markdown.render(swept_record())


def test_foreign_text_cannot_break_out():
    nasty = "<script>alert(1)</script> | `x`\n# head"
    bad = Task("measure", {"measure": nasty})
    shown = swept_record(cases=(swept(headline=0, artifacts=(bad.key, nasty)),), artifacts=(artifact(bad),))
    assert "<script>alert" not in html.render(shown)
    text = markdown.render(shown)
    assert "<script" not in text
    assert "\n# head" not in text
