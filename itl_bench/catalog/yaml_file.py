"""YAML files in which a key may stand only once; what is wrong with one is a line that names the place."""

from pathlib import Path
from typing import Any

import yaml

from itl_bench.catalog.explain import read_text


class _UniqueKeyLoader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """YAML keeps the last of two equal keys without a word; here that is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Make a mapping, and refuse a key that stands twice in it."""
        seen: list[object] = []  # a list, because YAML's keys need not be hashable
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark)
            seen.append(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def read_yaml(path: Path, problems: list[str]) -> object:
    """Read one YAML file; None after a problem was noted."""
    text = read_text(path, problems)
    if text is None:
        return None
    try:
        data: object = yaml.load(text, Loader=_UniqueKeyLoader)
        repr(data)  # fails here, and not in a later message, where data is nested too deeply for Python
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        tab = "; indent with spaces, not with tabs" if "\n\t" in text and "token" in str(error.problem) else ""
        problems.append(f"{path}{line}: not valid YAML: {error.problem}{tab}")
        return None
    except yaml.reader.ReaderError as error:
        problems.append(f"{path}:{text.count(chr(10), 0, error.position) + 1}: not valid YAML: {error.reason}")
        return None
    except (ValueError, RecursionError) as error:  # ValueError: the 45th of a month, the number 0x_
        problems.append(f"{path}: not valid YAML: {error}")
        return None
    if data is None:
        problems.append(f"{path}: the file is empty; restore it from the repository, or remove it")
    return data
