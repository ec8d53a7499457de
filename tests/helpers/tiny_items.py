"""Items about a tiny world, its tokenizer, and the sizes of a model that is tuned on them."""

from itl_bench.data.bios.shipped import Recipe
from itl_bench.data.bios.tokens import make_tokenizer
from itl_bench.data.bios.tuning_items import TuningSpec, tuning_items
from itl_bench.data.bios.world import WorldSpec, build_world

WORLD = build_world(
    WorldSpec(seed=5, dialogue=4, known=8, taught_known=20, rarely=4, taught_new=12, new=4, people_per_name=4)
)
TOKENIZER = make_tokenizer(WORLD)
ITEMS = tuning_items(WORLD, TuningSpec(new_percent=30, style="short", rows=40), 1)
SMALL = Recipe(seed=3, width=16, inner_width=24, layers=1, heads=2, steps=6, sequences=4, length=32, warmup=2)
