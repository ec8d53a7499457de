"""Methods as the shipped catalog declares them."""

from functools import cache

from itl_bench.catalog.loading import load_catalog
from itl_bench.methods.registry import load_method


@cache
def codes():
    """Id -> "module:Class" of every shipped method that trains."""
    return {one.id: one.code for one in load_catalog().methods.values() if one.code}


def method_of(name, parameters):
    """A shipped method with parameters of the test's own."""
    return load_method(codes()[name], parameters)
