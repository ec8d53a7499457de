"""The texts of the templates that are not a tokenizer's own: Alpaca's, a plain one, and examples for untuned bases."""

from collections.abc import Sequence

from itl_bench.data.rows import Exchange

# Taori et al. 2023, github.com/tatsu-lab/stanford_alpaca, PROMPT_DICT of train.py: without and with an input.
ALPACA = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Response:"
)
ALPACA_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Input:\n{context}\n\n### Response:"
)
PLAIN = "Question: {instruction}\nAnswer:"
PLAIN_INPUT = "Question: {instruction}\n{context}\nAnswer:"
INTRODUCTION = "Below are questions to an assistant, and its helpful, honest and polite answers."
QUESTION, ANSWER = "\n\n# Question:\n", "\n\n# Answer:\n"
EXAMPLES = (
    Exchange(
        instruction="Why do leaves turn yellow and red in autumn?",
        response=(
            "Leaves look green because of chlorophyll, the pigment that captures sunlight. As the days become shorter "
            "and cooler, trees break it down and take back its nutrients. Yellow and orange pigments, which were there "
            "all along, then become visible; some trees also make red pigments in autumn. The colours therefore depend "
            "on the kind of tree and on the weather of the season."
        ),
    ),
    Exchange(
        instruction="I have a job interview tomorrow and feel nervous. What can I do?",
        response=(
            "It is quite normal to be nervous before an interview, and a little preparation helps a lot:\n\n"
            "1. Read once more what the employer does, and why the position interests you.\n"
            "2. Practise short answers to the usual questions aloud, for example about your strengths.\n"
            "3. Lay out your clothes and papers tonight, and plan to arrive ten minutes early.\n"
            "4. Sleep enough, and breathe slowly before you go in.\n\n"
            "Remember that they invited you because they like what they have read. Good luck!"
        ),
    ),
    Exchange(
        instruction="Which number will win the lottery next week?",
        response=(
            "I am sorry, but nobody can know that: each draw is random and independent of those before it. If you "
            "enjoy playing, it is wise to decide beforehand how much you can afford to lose."
        ),
    ),
)


def in_context_prompt(instruction: str, context: str = "", history: Sequence[Exchange] = ()) -> str:
    """The examples and earlier exchanges, then the question, up to where its answer begins."""
    before = "".join(QUESTION + one.instruction + ANSWER + one.response for one in (*EXAMPLES, *history))
    asked = f"{instruction}\n\n{context}" if context else instruction
    return INTRODUCTION + before + QUESTION + asked + ANSWER


def answered(text: str) -> str:
    """The answer alone, where a base went on with a question of its own."""
    return text.partition(QUESTION.rstrip())[0]
