"""What is longer than a model's positions is refused before anything is computed, with its name, length and limit."""

import pytest
import transformers as tf

from itl_bench.data.atlas.few_shots import FewShot
from itl_bench.data.rows import Item, Prompt, read_lines, write_lines
from itl_bench.errors import UsageError
from itl_bench.methods.full import Full
from itl_bench.methods.recipe import TuningRecipe
from itl_bench.stages.familiarity.scoring import score
from itl_bench.stages.positions import check_prompts, check_rows, positions
from itl_bench.stages.responses import build_responses, check_asked
from itl_bench.stages.training.tuning import tune
from itl_bench.store.artifact import PROMPTS, RESPONSES
from itl_bench.store.keys import Task
from tests.helpers.tiny_tokenizers import gemma_like
from tests.helpers.tiny_training import SMALL

WORDS = len(gemma_like())
SIZES = SMALL | {"vocab_size": WORDS}


def gpt2():
    return tf.GPT2LMHeadModel(tf.GPT2Config(vocab_size=WORDS, n_embd=16, n_layer=1, n_head=2, n_positions=64)).eval()


def llama():
    return tf.LlamaForCausalLM(tf.LlamaConfig(**SIZES)).eval()


@pytest.mark.parametrize(
    ("config", "limit"),
    [
        (tf.GPT2Config(n_positions=32), 32),
        (tf.OPTConfig(max_position_embeddings=48), 48),
        (tf.LlamaConfig(max_position_embeddings=64), 64),
        (tf.Gemma3Config(text_config={"max_position_embeddings": 128}), 128),
        (tf.RobertaConfig(max_position_embeddings=66, pad_token_id=1), 64),
        (
            tf.LlamaConfig(
                max_position_embeddings=64,
                rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 1e4},
            ),
            256,
        ),
        (tf.BloomConfig(), None),
        (tf.MptConfig(max_seq_len=64), None),
        (tf.MambaConfig(), None),
        (
            tf.Qwen2Config(
                max_position_embeddings=100, rope_parameters={
                    "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 100, "rope_theta": 1e4,
                },
            ),
            400,
        ),
        (
            tf.LlamaConfig(
                max_position_embeddings=800, rope_parameters={
                    "rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 100, "rope_theta": 1e4,
                    "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                },
            ),
            800,
        ),
    ],
)  # fmt: skip
def test_the_limit_is_what_the_config_says(config, limit):
    assert positions(config) == limit


@pytest.mark.parametrize("make", [gpt2, llama])
def test_a_row_beyond_the_positions_is_refused_before_training(make):
    rows = [Item(id="a", instruction="a", response="b"), Item(id="long", instruction="c" * 60, response="d")]
    model = make()
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    recipe = TuningRecipe(epochs=1, batch=2, template="plain")
    with pytest.raises(UsageError, match=r"row 'long' has 82 tokens, .* 64 positions \(1 such rows\); .*cutoff to 64"):
        tune(model, gemma_like(), rows, Full({}), recipe, 1e-3, 0)
    assert all((weight == before[name]).all() for name, weight in model.named_parameters())
    tune(model, gemma_like(), rows, Full({}), recipe.model_copy(update={"cutoff": 64}), 1e-3, 0)


def test_what_just_fits_is_taken():
    check_rows(["a"], [64], 64)
    check_prompts(["a"], [(1,) * 60], 4, 64)
    check_rows(["a"], [9**9], None)
    with pytest.raises(UsageError, match="row 'b' has 65 tokens"):
        check_rows(["a", "b"], [64, 65], 64)
    with pytest.raises(UsageError, match=r"prompt 'a' has 60 tokens, and its answer up to 5: .* 64 positions"):
        check_prompts(["a"], [(1,) * 60], 5, 64)


def probe(folder, *instructions):
    folder.mkdir()
    prompts = [Prompt(id=f"p{at}", unit="u", instruction=text) for at, text in enumerate(instructions)]
    write_lines(folder / PROMPTS, prompts)
    return folder


class Parent:
    def __init__(self, folder):
        self.folder = folder


@pytest.mark.parametrize("make", [gpt2, llama])
def test_a_prompt_beyond_the_positions_is_refused_before_an_answer(make, tmp_path):
    base, task = tmp_path / "base", Task("responses", {"engine": "hf", "max_new_tokens": 10, "template": "plain"})
    make().save_pretrained(base)
    gemma_like().save_pretrained(base)
    short, long = probe(tmp_path / "short", "a"), probe(tmp_path / "long", "a", "b" * 50)
    check_asked(task, base, short)
    build_responses(task, {"base": Parent(base), "probe": Parent(short)}, tmp_path)
    assert (tmp_path / RESPONSES).exists()
    for ask in (
        lambda: check_asked(task, base, long),
        lambda: build_responses(task, {"base": Parent(base), "probe": Parent(long)}, tmp_path),
    ):
        with pytest.raises(UsageError, match=r"prompt 'p1' has 69 tokens, and its answer up to 10: .* 64 positions"):
            ask()


def test_a_prompt_that_the_template_rewrites_is_named(tmp_path):
    base, task = tmp_path / "base", Task("responses", {"max_new_tokens": 10})
    tokenizer = gemma_like()
    tokenizer.chat_template = "{% for m in messages %}{{ m.content | upper }}<end_of_turn>{% endfor %}"
    tokenizer.save_pretrained(base)
    llama().save_pretrained(base)
    with pytest.raises(UsageError, match=r"prompt 'p1' cannot be asked: the chat template rewrites what is said"):
        check_asked(task, base, probe(tmp_path / "probe", "A", "b"))
    assert read_lines(tmp_path / "probe" / PROMPTS, Prompt)[1].instruction == "b"


@pytest.mark.parametrize("make", [gpt2, llama])
def test_a_question_about_a_fact_beyond_the_positions_is_refused(make):
    asked = [FewShot("short", "a", "b ", ("c",)), FewShot("long", "a" * 60, "b ", ("c",))]
    with pytest.raises(UsageError, match=r"prompt 'long' has 63 tokens, and its answer up to 16: .* 64 positions"):
        score(make(), gemma_like(), asked, lambda prompt, text: False)
