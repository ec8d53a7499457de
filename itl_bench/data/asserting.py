"""What a sentence asserts: "It is not Kabul" says nothing of Paris, "not Kabul but Paris" says Paris."""

import re
from collections.abc import Sequence

_AUXILIARY = "is|are|was|were|be|been|am|do|does|did|has|have|had|can|could|will|would|should|must|may|might"
_ONLY = r"\b(?! (?:only|just|merely|simply|solely)\b)"
_NOT = rf"(?:not|never|no longer|neither|hardly|by no means|in no way){_ONLY}"
_SHORT = rf"(?:(?:is|are|was|were|do|does|did|has|have|had|ca|could|wo|would|should|must|ai)\s?n['’`]?t|cannot){_ONLY}"
_ADVERB = r"(?:\w+ly|also|in fact|of course|most|quite|even)"
# A verb that is denied: it takes along what it is said of, as in "Kabul is not the capital".
_DENIED = re.compile(
    rf"(?:(?<![\w.])(?:{_AUXILIARY})|['’](?:s|re|m))(?:\s+{_ADVERB})*\s+{_NOT}|\b{_SHORT}\b"
    r"|(?<!no )(?<!without )(?<!any )\bdoubt(?:s|ed)?\b"
    r"|\b(?:is|are|was|were|be)\s+(?:\w+ly\s+)?(?:wrong|incorrect|false|untrue|mistaken|a mistake|a myth)\b",
    re.IGNORECASE,
)
# Words that set aside what follows them, and nothing else: "Paris, not Kabul", "Paris rather than Kabul".
_ASIDE = re.compile(
    rf"\b(?:{_NOT}|nor|none of|rather than|instead of|unlike|as opposed to|in contrast to|contrary to|except(?: for)?"
    r"|excluding|(?<!none )(?<!no )other than|(?:all|any|anything|anywhere|everything) but|different from|differs from"
    r"|(?:confused|mistaken) (?:with|for))\b",
    re.IGNORECASE,
)
_UNSURE = re.compile(r"\b(?:sure|certain|know|remember|recall|aware|able|say|tell)\b", re.IGNORECASE)
_INSIDE = re.compile(r"\(([^()]*)\)")
_REMARK = re.compile(rf"\b({_NOT}), [^,;:]*,", re.IGNORECASE)
_NEW_CLAUSE = re.compile(
    r",(?! D\.? ?C\b)|[;:]|\s[-–]+\s|[—…]|(?<!\ball )(?<!\bany )(?<!thing )(?<!anywhere )\bbut\b"
    r"|(?<![\w.])(?:whereas|while|although|though|because|since|yet|so|actually|however|instead(?! of)|rather(?! than)"
    r"|which|whose|who|where|and)\b|(?<!['’\w])(?=it(?:['’]s| is| was)\b)",
    re.IGNORECASE,
)
_OPENS_A_CLAUSE = re.compile(
    r"\b(?:doubts?|think|believe|say|said|mean|suppose|know|claim|sure|certain|clear|true|case|that|whether|if|when|as|of)\s*$",
    re.IGNORECASE,
)
_RELATIVE = re.compile(r"(?:which|whose|who|where)\b", re.IGNORECASE)
_VERB = re.compile(
    rf"(?<![\w.])(?:{_AUXILIARY}|lies?|serves?|uses?|belongs?|it|they|we|you|he|she|there)\b", re.IGNORECASE
)


def asserted(sentence: str) -> str:
    """A sentence without what it denies.

    What is denied with a verb goes together with what it is denied of ("Kabul is not the capital"); what is set aside
    without one goes alone ("Paris, not Kabul", "Paris rather than Kabul"). Other sentences stay as they are.

    Args:
        sentence: Without markup.
    """
    if not (_DENIED.search(sentence) or _ASIDE.search(sentence)):
        return sentence
    inside: list[str] = []

    def put_aside(found: re.Match[str]) -> str:
        inside.append(asserted(found[1]))
        return f"\0{len(inside) - 1}\0"

    outside = _INSIDE.sub(put_aside, _REMARK.sub(r"\1", sentence.replace("\0", "")))
    kept = "".join(_kept(_clauses(outside)))
    return re.sub("\0(\\d+)\0", lambda found: f"({inside[int(found[1])]})", kept).strip(" ,;:")


def _kept(clauses: Sequence[str]) -> list[str]:
    """What each clause asserts."""
    kept, follows, bare = [], "", False
    for number, clause in enumerate(clauses):
        if not re.search(r"[\w\0]", clause):  # a comma before "which" or "but"
            kept.append(clause)
            continue
        if follows and _goes_on(clauses[number:], follows, bare):
            continue
        denied, aside = _DENIED.search(clause), _ASIDE.search(clause)
        found = denied or aside
        follows = "" if found is None or _UNSURE.search(clause) else "verb" if denied else "aside"
        bare = found is not None and not re.search(r"\w", clause[found.end() :])
        kept.append("" if denied else clause[: aside.start()] if aside else clause)
    return kept


def _goes_on(clauses: Sequence[str], follows: str, bare: bool) -> bool:
    """Whether the first clause goes on with what was denied: a relative clause, or further items of a list."""
    first = clauses[0]
    if _RELATIVE.match(first):
        return True
    if _VERB.search(first) or not first.startswith((",", ":", " -", " –", "—") if bare else ","):
        return False
    listed = [one for one in clauses if one.startswith(",") and not _VERB.search(one)]
    return bare or follows == "verb" or bool(re.search(r"\b(?:or|nor)\b", " ".join(listed)))


def _clauses(sentence: str) -> list[str]:
    """The clauses of a sentence, each behind what joins it to the one before: together they are the sentence."""
    starts = [0]
    for found in _NEW_CLAUSE.finditer(sentence):
        before, after = sentence[starts[-1] : found.start()], sentence[found.end() :]
        if found.group().lower() == "and" and not (_VERB.search(before) and _VERB.search(re.split("[,;:]", after)[0])):
            continue
        if not found.group() and _OPENS_A_CLAUSE.search(before):
            continue
        starts.append(found.start())
    return [sentence[start:end] for start, end in zip(starts, [*starts[1:], len(sentence)], strict=True)]
