"""Python as it is where some packages are not installed."""

from collections.abc import Iterable


def refusing(packages: Iterable[str]) -> str:
    """Code to run first, after which none of the packages can be imported."""
    return f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {tuple(packages)}:
            raise ImportError(name)
sys.meta_path.insert(0, Refuse())
"""
