"""A method's parameters are those that it declares: names, types and ranges, before anything is trained."""

import pytest
import yaml

from itl_bench.catalog.loading import load_catalog
from itl_bench.errors import UsageError
from itl_bench.methods.full import Full
from itl_bench.methods.lora import Lora
from itl_bench.methods.method import Method
from itl_bench.methods.parameters import checked
from itl_bench.methods.registry import SHIPPED, load_method
from itl_bench.plan.cells import Replicate, TunedCell
from itl_bench.plan.graph import Graph
from itl_bench.specs import TEXT, Count, Spec
from tests.helpers.methods_made import codes

LORA = {"rank": 8, "alpha": 16, "targets": "all-linear"}
WRONG = [  # what is given beside or instead of the parameters of LoRA, what is said
    ({"dropuot": 0.1}, "unknown parameter 'dropuot'; did you mean 'dropout'? Accepted: alpha, dropout, rank, targets."),
    ({"Rank": 4}, "unknown parameter 'Rank'; did you mean 'rank'? Accepted: alpha, dropout, rank, targets."),
    ({"rank": 0}, "parameter 'rank': 0 was given; accepted is a number above 0"),
    ({"rank": -1}, "parameter 'rank': -1 was given; accepted is a number above 0"),
    ({"rank": 2.5}, "parameter 'rank': 2.5 was given; accepted is a whole number"),
    ({"rank": "8"}, "parameter 'rank': '8' was given; accepted is a whole number"),
    ({"rank": True}, "parameter 'rank': True was given; accepted is a number"),
    ({"alpha": -16}, "parameter 'alpha': -16 was given; accepted is a number above 0"),
    ({"alpha": 16.5}, "parameter 'alpha': 16.5 was given; accepted is a whole number"),
    ({"alpha": float("nan")}, "parameter 'alpha': nan was given; accepted is a whole number"),
    ({"targets": ""}, "parameter 'targets': '' was given; accepted is text that is not empty or a list ([a, b])"),
    ({"targets": ()}, "parameter 'targets': [] was given; accepted is " + TEXT + " or 1 or more entries"),
    ({"targets": 3}, "parameter 'targets': 3 was given; accepted is " + TEXT + " or a list ([a, b])"),
    ({"rank": 0, "alpha": 0}, "parameter 'rank': 0 was given; accepted is a number above 0; parameter 'alpha': 0 was "
     "given; accepted is a number above 0"),
]  # fmt: skip


def refused(call, *arguments):
    with pytest.raises(UsageError) as error:
        call(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(("changes", "said"), WRONG)
def test_a_wrong_parameter_of_lora_is_named_with_what_is_accepted(changes, said):
    assert refused(Lora, LORA | changes) == said
    assert refused(load_method, codes()["lora"], LORA | changes) == f"the method {codes()['lora']}: {said}"


@pytest.mark.parametrize("name", LORA)
def test_a_missing_parameter_is_named(name):
    given = {one: value for one, value in LORA.items() if one != name}
    assert refused(Lora, given) == f"the parameter {name!r} is missing; add it"


def test_a_misspelt_parameter_is_not_called_missing_as_well():
    assert refused(Lora, {"rnak": 8, "alpha": 16, "targets": "all-linear"}) == (
        "unknown parameter 'rnak'; did you mean 'rank'? Accepted: alpha, dropout, rank, targets."
    )


@pytest.mark.parametrize("targets", ["all-linear", ".*q_proj", ("q_proj", "v_proj")])
def test_right_parameters_are_taken_as_they_are(targets):
    assert Lora(LORA | {"targets": targets}).parameters == LORA | {"targets": targets, "dropout": 0.0}


def test_full_tuning_takes_none_and_noise_is_no_negative_number():
    assert refused(Full, {"dropout": 0.1}) == "unknown parameter 'dropout'. Accepted: (none)."
    for name in ("full-neftune", "full-neftune-library"):
        assert "'noise_alpha': -1 was given; accepted is a number of at least 0" in refused(
            load_method, codes()[name], {"noise_alpha": -1}
        )


def test_the_registry_says_what_the_shipped_classes_declare():
    for shipped in SHIPPED.values():
        given = {"lora": LORA}.get(next(name for name, one in SHIPPED.items() if one is shipped), {"noise_alpha": 5})
        method = load_method(shipped.code, given if shipped.parameters.model_fields else {})
        assert method.Parameters is shipped.parameters


# in a catalog


def planned(folder, **parameters):
    """The checkpoint of a cell of a catalog with LoRA under another name and with other parameters."""
    folder.mkdir(exist_ok=True)
    method = {"id": "mine", "title": "Mine", "trains": "adapter", "code": codes()["lora"], "parameters": parameters}
    (folder / "methods.yaml").write_text(yaml.safe_dump([method]), encoding="utf-8")
    return Graph(load_catalog(folder)).checkpoint(
        TunedCell("bios1m", "bios-new30-short", "mine", 0.003, Replicate(1, 1))
    )


def test_a_wrong_parameter_is_named_when_a_cell_is_planned(tmp_path):
    said = refused(lambda: planned(tmp_path, **LORA, dropuot=0.1))
    assert (
        said
        == "method mine: unknown parameter 'dropuot'; did you mean 'dropout'? Accepted: alpha, dropout, rank, targets."
    )
    for name, value in {"rank": 2.5, "alpha": -1, "targets": []}.items():
        assert f"parameter {name!r}: {value} was given" in refused(lambda: planned(tmp_path, **LORA | {name: value}))  # noqa: B023


def test_targets_may_be_a_list_of_names_in_a_catalog(tmp_path):
    names = planned(tmp_path, **LORA | {"targets": ["q_proj", "v_proj"]})
    assert names.spec["method"]["parameters"]["targets"] == ("q_proj", "v_proj")
    assert names.key != planned(tmp_path, **LORA).key


# a user's own


class Own(Method):
    """Declares what it takes, with a default."""

    class Parameters(Spec):
        """Of this method."""

        size: Count
        ends: str = "none"


class Deeper(Own):
    """Takes more than the one that it builds on."""

    class Parameters(Own.Parameters):
        """Of this one."""

        depth: Count = 2


def test_a_users_method_declares_its_parameters_with_a_spec():
    assert Own({"size": 3}).parameters == {"size": 3, "ends": "none"}
    assert refused(Own, {"sise": 3}) == "unknown parameter 'sise'; did you mean 'size'? Accepted: ends, size."
    assert "parameter 'size': 0 was given" in refused(Own, {"size": 0})
    assert Deeper({"size": 3}).parameters == {"size": 3, "ends": "none", "depth": 2}
    assert "Accepted: depth, ends, size." in refused(Deeper, {"size": 3, "dept": 1})


def test_a_method_that_declares_nothing_looks_at_its_parameters_itself():
    assert Method({"anything": 1}).parameters == {"anything": 1}


def test_a_declaration_that_ignores_other_keys_is_held_to_its_names_all_the_same():
    class Loose(Spec, extra="ignore"):
        size: Count = 1

    assert refused(checked, {"sise": 3}, Loose) == "unknown parameter 'sise'; did you mean 'size'? Accepted: size."
