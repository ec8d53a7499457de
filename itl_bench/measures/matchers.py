"""Which values the answers to a probe state: each world has a matcher of its own."""

from itl_bench.measures.knowledge import Stated


def stated_in(world: str) -> Stated:
    """The matcher of a world: from a text and an attribute to the values of that attribute that the text states."""
    if world == "atlas":
        from itl_bench.data.atlas.answers import stated as of_atlas

        return of_atlas
    from itl_bench.data.bios.answers import stated as of_bios

    return of_bios
