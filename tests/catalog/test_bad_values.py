"""One wrong value or key in one YAML file: one line with file, key, value, what is accepted and the nearest match."""

import pytest

from tests.helpers.broken_catalog import (
    C01,
    C03,
    C04,
    C15,
    C17,
    C18,
    C19,
    assert_says,
    change,
    complaints,
    copied,
    the_complaint,
)

# id -> file, what is replaced, by what, what the line must say beside the file's name
KINDS = {
    # keys
    "unknown key": (
        C01, "expect: greater", "expect: greater\nrolle: sanity", ["unknown key 'rolle'", "did you mean 'role'?"],
    ),
    "misspelt required key": (C01, "statement:", "statment:", ["unknown key 'statment'", "did you mean 'statement'?"]),
    "unknown key in a side": (
        C01, "{method: full}", "{metod: full}", ["compare.0.left: unknown key 'metod'", "'method'?"],
    ),
    "unknown key in a measure": (
        C01, "    columns:", "    colums:", ["measures.0: unknown key 'colums'", "'columns'?"],
    ),
    "unknown key in axes": (C01, "{model: [b", "{modle: [b", ["axes: unknown key 'modle'", "did you mean 'model'?"]),
    "unknown key in published": (C01, "unit:", "unti:", ["published.0: unknown key 'unti'", "did you mean 'unit'?"]),
    "unknown key in a model": (
        "models.yaml", "parameters:", "paramters:", ["entry 1 (bios1m)", "'paramters'", "'parameters'?"],
    ),
    "unknown key in a chat model": ("models.yaml", "chat: {name", "chat: {nam", ["chat: unknown key 'nam'", "'name'?"]),
    "key in another case": (C01, "expect:", "Expect:", ["unknown key 'Expect'", "did you mean 'expect'?"]),
    "missing key": (C01, "expect: greater\n", "", ["the key 'expect' is missing; add it"]),
    "missing key in a measure": (
        C04, "    smallest_effect: 0.182322\n", "", ["measures.0: the key 'smallest_effect' is missing"],
    ),
    "examples in a world": (
        "cells.yaml", "  seeds: [41, 42]\n", "  seeds: [41, 42]\n  untuned: [base, in-context]\n",
        ["embedded: untuned: models of a world have no room for the examples of 'in-context'; accepted: 'base'"],
    ),
    "an untuned model twice": (
        "cells.yaml", "  seeds: [41, 42]\n", "  seeds: [41, 42]\n  untuned: [base, base]\n",
        ["an untuned model is named twice; remove one"],
    ),
    "an untuned model that is tuned": (
        "cells.yaml", "  seeds: [41, 42]\n", "  seeds: [41, 42]\n  untuned: [lora]\n",
        ["untuned.0: unknown value 'lora'"],
    ),
    "missing key in a list entry": (
        "methods.yaml", "title: LoRA fine-tuning, ", "", ["entry 4 (lora): the key 'title' is missing"],
    ),
    "key without a value": (C18, "{method: full}", "{method: }", ["compare.0.left.method: no value is given"]),
    "required key without a value": (C01, "expect: greater", "expect:", ["expect: no value is given; give one, or"]),
    "entry without a value": (
        "methods.yaml", "- {id: base", "-\n- {id: base", ["entry 1: expected a mapping", "found nothing"],
    ),
    "key that is no text": (C01, "expect: greater", "expect: greater\nyes: 1", ["True"]),
    # closed vocabularies
    "expectation": (
        C01, "expect: greater", "expect: graeter", ["expect: unknown value 'graeter'", "'greater'?", "no-change"],
    ),
    "evidence": (
        C01, "[published, measured]", "[publishd, measured]", ["evidence.0: unknown value 'publishd'", "'published'?"],
    ),
    "role": (C01, "expect:", "role: sanety\nexpect:", ["role: unknown value 'sanety'", "'sanity'?", "or a mapping"]),
    "role at a level": (C15, "{bios: sanity}", "{bios: sanety}", ["role.bios: unknown value 'sanety'", "'sanity'?"]),
    "level of a role": (C15, "{bios: sanity}", "{bioss: sanity}", ["role.bioss: unknown key 'bioss'", "'bios'?"]),
    "level of a model": (
        "models.yaml", "level: bios", "level: bois", ["(bios1m): level: unknown value 'bois'", "'bios'?"],
    ),
    "level of a dataset": (
        "datasets.yaml", "levels: [paper]", "levels: [papr]", ["(alpaca): levels.0", "'papr'", "'paper'?"],
    ),
    "arm of a profile": (
        "profiles.yaml", "[shared-rate]", "[shared-rat]", ["(smoke): arms.0", "'shared-rat'", "'shared-rate'?"],
    ),
    "level of a profile": ("profiles.yaml", "levels: [small]", "levels: [smal]", ["levels.0", "'smal'", "'small'?"]),
    "evidence of a profile": (
        "profiles.yaml", "[published]", "[publised]", ["(published): evidence.0", "'publised'", "'published'?"],
    ),
    "need of a measure": ("measures.yaml", "[judge]", "[jugde]", ["(aspects): needs.0", "'jugde'", "'judge'?"]),
    "what a method trains": ("methods.yaml", "trains: all", "trains: al", ["(full): trains", "'al'", "'all'?"]),
    "table": (
        C01, "table: token_shift", "table: token_shifts", ["published.0.table", "'token_shifts'", "'token_shift'?"],
    ),
    "unit": (C03, "unit: size", "unit: sizes", ["published.0.unit", "'sizes'", "'size'?"]),
    "control": (
        C04, "{model: llama7b}", "{model: llama7b, control: chanse}", ["left.control", "'chanse'", "'chance'?"],
    ),
    "trend": (C03, "over: size", "over: sizze", ["compare.0.over", "'sizze'", "'size'?"]),
    "size of a side": (C01, "{method: full}", "{method: full, size: largst}", ["left.size", "'largst'", "'largest'?"]),
    # kinds of values
    "text for a number": (
        C01, "0.693147", "much", ["measures.0.smallest_effect: 'much' was given; accepted is a number or a map"],
    ),
    "list for a number": (
        C01, "0.693147", "[0.1]", ["smallest_effect: [0.1] was given; accepted is a number or a mapping"],
    ),
    "yes for a number": (C01, "0.693147", "yes", ["measures.0.smallest_effect: True was given; accepted is a number"]),
    "yes for a count": ("models.yaml", "1000000,", "yes,", ["parameters: True was given; accepted is a number"]),
    "fraction for a count": (
        "models.yaml", "1000000,", "0.5,", ["parameters: 0.5 was given; accepted is a whole number"],
    ),
    "zero for a count": ("models.yaml", "1000000,", "0,", ["parameters: 0 was given; accepted is a number above 0"]),
    "number for text": (C01, "statement:", "statement: 5 #", ["statement: 5 was given; accepted is text (in quotes"]),
    "empty text": (
        C01, "statement:", "statement: '' #", ["statement: '' was given; accepted is text that is not empty"],
    ),
    "list for a mapping": (
        C01, "{method: full}", "[full]", ["compare.0.left: ['full'] was given; accepted is a mapping"],
    ),
    "text for a mapping": (C01, "axes:", "axes: all #", ["axes: 'all' was given; accepted is a mapping"]),
    "mapping for a list": (C01, "[log_kl]", "{log_kl: 1}", ["columns: {'log_kl': 1} was given; accepted is", "a list"]),
    "text for a list": (C01, "[bios, small, paper]", "paper", ["axes.model: 'paper' was given", "write [paper]"]),
    "text for a list or all": (
        C01, "[log_kl]", "log_kl", ["columns: unknown value 'log_kl'", "Accepted: all, or a list"],
    ),
    "number in a list of names": (C01, "[log_kl]", "[1]", ["measures.0.columns.0: 1 was given; accepted is text"]),
    "empty list": (C01, "[log_kl]", "[]", ["measures.0.columns: [] was given; accepted is 1 or more entries"]),
    "empty list of models": (
        C01, "[bios, small, paper]", "[]", ["axes.model: [] was given; accepted is 1 or more entries"],
    ),
    "empty mapping": (
        "measures.yaml", "{accuracy: share of right answers}", "{}", ["(knowledge): columns: {}", "1 or more"],
    ),
    "negative margin": (
        C01, "0.693147", "-0.1", ["measures.0.smallest_effect: -0.1 was given", "a number of at least 0"],
    ),
    "NaN margin": (C01, "0.693147", ".nan", ["measures.0.smallest_effect: nan was given; accepted is a finite number"]),
    "infinite margin": (
        C01, "0.693147", ".inf", ["measures.0.smallest_effect: inf was given; accepted is a finite number"],
    ),
    "negative margin of a column": (
        C01, "0.693147", "{log_kl: -1}", ["measures.0.smallest_effect.log_kl: -1 was given"],
    ),
    "infinite price": (
        "judges.yaml", "input: 10,", "input: .inf,", ["prices.input: inf was given; accepted is a finite number"],
    ),
    "half a pair": (C19, "[500, 250]", "[500]", ["published.0.items: entry 2 is missing; add it"]),
    "three of a pair": (C19, "[500, 250]", "[500, 250, 1]", ["published.0.items: [500, 250, 1]", "at most 2 entries"]),
    "claim id": (C01, "id: C01", "id: C1", ["id: 'C1' was given; accepted is a capital letter, two digits", "as C07"]),
    "mechanism id": (
        "mechanisms.yaml", "id: M1", "id: M10", ["(M10): id: 'M10' was given; accepted is M and one digit"],
    ),
    "model id": (
        "models.yaml", "id: bios1m", "id: Bios 1M", ["id: 'Bios 1M' was given; accepted is a name of small letters"],
    ),
    # what must go together
    "rows and sizes": (
        "datasets.yaml", "sizes: {15k", "rows: 5\n  sizes: {15k", ["(dolly): give either 'sizes'", "not both"],
    ),
    "neither rows nor sizes": ("datasets.yaml", "  sizes: {15k: 15000}\n", "", ["(dolly): give either 'sizes'"]),
    "trend without over": (
        C01, "expect: greater", "expect: rising", ["expect 'rising' is for a trend: give compare.over"],
    ),
    "left without right": (C01, ", right: {method: lora}", "", ["compare.0: give 'left' and 'right'"]),
    "left and over": (C01, "{left:", "{over: size, left:", ["compare.0: give 'left' and 'right'"]),
    "equal sides": (
        C01, "right: {method: lora}", "right: {method: full}", ["compare.0: 'left' and 'right' are the same"],
    ),
    "evidence without published": (C01, "published: [{", "# ", ["the evidence 'published' needs the key 'published'"]),
    "published without evidence": (
        C01, "[published, measured]", "[measured]", ["the key 'published' needs the evidence"],
    ),
    "unit without its keys": (
        C01, "table: token_shift, ", "", ["published.0: unit 'model-x-dataset-family' needs table"],
    ),
    "quantity without a reason": (C18, "    reason: \"no rate", "    #", ["published.0: unit 'quantity' needs reason"]),
    "proportion without a pair": (C19, "items: [500, 250], ", "", ["published.0: unit 'proportion' needs items"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_value_is_one_clear_line(tmp_path, kind):
    file, old, new, parts = KINDS[kind]
    folder = copied(tmp_path)
    change(folder, file, old, new)
    assert_says(the_complaint(folder), str(folder / file), *parts)


def test_two_wrong_columns_of_one_mapping_are_two_lines(tmp_path):
    folder = copied(tmp_path)
    change(folder, C17, "smallest_effect: 0.1", "smallest_effect: {factuality: -1, depth: a}")
    places = [line.partition("smallest_effect.")[2].partition(":")[0] for line in complaints(folder)]
    assert places == ["factuality", "depth"]
