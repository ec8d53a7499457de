"""A chat template, which comes with a model and is not trusted, turned into text: the same every day, within limits."""

import resource
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from itl_bench.errors import ItlError, UsageError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

DAY = date(2024, 7, 26)  # what templates that ask for the date are told: a prompt must not depend on when it is made
SECONDS = 10.0  # of the processor, for one conversation
MEMORY = 2 << 30  # bytes beyond what the process has, for one conversation
LENGTH = 1 << 20  # characters that a template may write beside the texts
OTHERWISE = "choose 'alpaca' or 'plain'"


def rendered(tokenizer: "PreTrainedTokenizerBase", contents: Sequence[str]) -> str:
    """A conversation as the tokenizer's chat template writes it.

    Args:
        tokenizer: With a chat template.
        contents: What user and assistant say in turn, the user first; where the user has the last word, the template
            writes up to where the assistant begins.

    Raises:
        UsageError: The tokenizer has no chat template.
        ItlError: The template fails, takes too long or writes too much.
    """
    if not tokenizer.chat_template:
        raise UsageError(f"the tokenizer has no chat template, and 'chat' needs one; {OTHERWISE}")
    turns = [
        {"role": "assistant" if index % 2 else "user", "content": content} for index, content in enumerate(contents)
    ]
    try:
        with _limited():
            text = str(
                tokenizer.apply_chat_template(
                    turns, tokenize=False, add_generation_prompt=len(contents) % 2 == 1, strftime_now=DAY.strftime
                )
            )
    except (Exception, _TookTooLongError) as error:  # a program of somebody else's: it may raise anything
        raise ItlError(f"the tokenizer's chat template fails: {_said(error)}; {OTHERWISE}") from error
    if len(text) > LENGTH + sum(map(len, contents)):
        raise ItlError(f"the tokenizer's chat template writes more than {LENGTH:,} characters; {OTHERWISE}")
    return text


def _said(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return f"it needs more than {MEMORY / 2**30:g} GiB of memory"
    text = " ".join("".join(one if one.isprintable() else " " for one in str(error)).split())
    name = "" if type(error).__module__.startswith(("jinja2", __name__)) else f"{type(error).__name__}: "
    return (name + text)[:200] or type(error).__name__


class _TookTooLongError(BaseException):
    """The processor's time is up; no `Exception`, of which the template engine catches some."""


@contextmanager
def _limited() -> Iterator[None]:
    """Interrupt what takes too much time or memory; outside the main thread, which alone has signals, memory only."""
    if threading.current_thread() is not threading.main_thread():
        with _little_memory():
            yield
        return
    before = signal.signal(signal.SIGVTALRM, _too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        with _little_memory():
            yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _too_long(*_: object) -> None:
    raise _TookTooLongError(f"it takes more than {SECONDS:g} seconds of the processor")


@contextmanager
def _little_memory() -> Iterator[None]:
    """On Linux, which says how much address space the process has."""
    used = Path("/proc/self/statm")
    if not used.exists():
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = int(used.read_text().split()[0]) * resource.getpagesize() + MEMORY
    lowest = min(limit for limit in (wanted, soft, hard) if limit != resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_AS, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
