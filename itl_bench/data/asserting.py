"""What a sentence asserts: "It is not Kabul" says nothing of Paris, "not Kabul but Paris" says Paris."""

import re
from collections.abc import Callable, Sequence

_AUXILIARY = "is|are|was|were|be|been|am|do|does|did|has|have|had|can|could|will|would|should|must|may|might"
_ONLY = r"\b(?! (?:only|just|merely|simply|solely)\b)"
_NOT = rf"(?:not|never|no longer|neither|hardly|by no means|in no way){_ONLY}"
_SHORT = rf"(?:(?:is|are|was|were|do|does|did|has|have|had|ca|could|wo|would|should|must|ai)\s?n['’`]?t|cannot){_ONLY}"
_DO_NOT = r"do\s?n['’]?t|do not|does\s?n['’]?t|does not"
_I_AM = r"i(?: a|['’])m not"
_WRONG = (
    r"(?:(?:an?|the)\s+)?(?:(?:common|popular|widespread|frequent)\s+)?"
    r"(?:wrong|incorrect|false|untrue|mistaken|mistake|myth|misconception|error|lie)\b"
)
_ADVERB = r"(?:\w+ly|also|in fact|of course|most|quite|even)"
# A verb that is denied: it takes along what it is said of, as in "Kabul is not the capital".
_DENIED = re.compile(
    rf"(?:(?<![\w.])(?:{_AUXILIARY})|['’](?:s|re|m))(?:\s+{_ADVERB})*\s+{_NOT}|\b{_SHORT}\b"
    r"|(?<!no )\bdoubt(?:s|ed)?\b|\b(?:den(?:y|ies|ied)|reject(?:s|ed)?|no way|no one|nobody)\b"
    r"|\b(?:no longer|never)\s+(?-i:[a-z]+(?:s|ed)|was|were)\b"
    rf"|(?:\b(?:is|are|was|were|be)|['’]s)\s+(?:\w+ly\s+)?{_WRONG}|\b(?:wrong|incorrect|false) answer\b",
    re.IGNORECASE,
)
# What only looks like a denial.
_SURE = re.compile(
    rf"\b(?:(?:without|beyond)(?: an?y?| all)?(?: reasonable| shadow of a)? doubt|if {_I_AM} (?:mistaken|wrong)"
    rf"|(?:{_DO_NOT}|never)\s+(?:forget|doubt|deny)(?: that)?"
    r"|(?:can ?no|ca ?n['’]?|could ?n['’]?|could no)t be any(?:thing|where|one)"
    r" (?:but|except|other than|else than))\b,?",
    re.IGNORECASE,
)
_LABELLED_WRONG = re.compile(r"\W*(?:wrong|incorrect|false)(?: \w+)?\W*?(?::|\W*$)", re.IGNORECASE)
_SUPPOSED = re.compile(
    r"\b(?:might|may|would|could|many|most|some|people|often|commonly|widely|wrongly)\b.*"
    r"\b(?:think|thought|believed?|say|said|assumed?|guess|suppose)\b",
    re.IGNORECASE,
)
_BUT = re.compile(r"\W*(?:but|however|actually|in fact)\b", re.IGNORECASE)
_CONNECTED = (
    r"\W*(?:(?:no|nope|sorry|wait|well|and|but|so|yet|however|although|though|while|since|because|in fact"
    r"|of course|which|who|that|\w+ly)\b\W*)*"
)
_SAME_SUBJECT = re.compile(rf"{_CONNECTED}(?:\b(?:it|that|this|they|these|those|he|she)\b\W*)?", re.IGNORECASE)
_GOES_ON_SAYING = re.compile(rf"{_CONNECTED}(?:(?:it|that|this|they)\b)?\W*(?:is|are|was|s|has|uses?)\b", re.IGNORECASE)
_NO_MORE = re.compile(
    r"\W*(?:(?:so|it|that|true|correct|right|the case|at all|any ?more|any longer|(?:the )?(?:\w+ )?answer)\W*)?",
    re.IGNORECASE,
)
_SAID_NOT = re.compile(
    rf"{_CONNECTED}(?:not|(?:wrong|incorrect|false|untrue)|I (?:{_DO_NOT}) (?:think|believe))\b(?P<rest>.*)",
    re.IGNORECASE,
)
_SET_BEFORE = re.compile(
    r"^((?:instead of|rather than|unlike) (?:the )?\S+(?: [A-Z]\S*)*?) (?=(?:the|its?|they|people|you|we)\b)",
    re.IGNORECASE,
)
_NOT_YET = re.compile(rf"(\b(?:{_NOT}|nor|than|instead of)|{_SHORT})[ \t]*(:?)[ \t]*\n\s*", re.IGNORECASE)
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
    rf"(?<![\w.])(?:(?:{_AUXILIARY})(?:n['’]?t)?|dial|lies?|serves?|uses?|belongs?|it|they|we|you|he|she|there)\b",
    re.IGNORECASE,
)


Speaks = Callable[[str], bool]


def assertions(text: str, sentences: Callable[[str], Sequence[str]], speaks: Speaks) -> list[tuple[str, str]]:
    """The sentences of a text, each with what it asserts.

    A sentence that the next one takes back ("Paris? I don't think so.", "Paris. That is wrong.") is left out.

    Args:
        text: Without markup.
        sentences: Splits a text into sentences.
        speaks: As of `asserted`.
    """
    every = [one.strip() for one in sentences(_NOT_YET.sub(r"\1\2 ", text)) if one.strip()]
    after = zip(every, [*every[1:], ""], strict=False)
    return [(one, asserted(one, speaks)) for one, then in after if not _takes_back(then)]


def asserted(sentence: str, speaks: Speaks = lambda text: False) -> str:
    """A sentence without what it denies.

    What is denied with a verb goes together with what it is denied of ("Kabul is not the capital"); what is set aside
    without one goes alone ("Paris, not Kabul", "Paris rather than Kabul"). Other sentences stay as they are. A denial
    whose subject is a pronoun, or is none, denies the clause before, if it denies all of it ("..., but that is wrong")
    or what is asked ("Kabul is large, but it is not the capital").

    Args:
        sentence: Without markup.
        speaks: Whether words are about what is asked.
    """
    if _LABELLED_WRONG.match(sentence):
        return ""
    sentence = _SET_BEFORE.sub(r"\1, ", _SURE.sub("", sentence))
    if not (_DENIED.search(sentence) or _ASIDE.search(sentence) or _SUPPOSED.search(sentence)):
        return sentence
    inside: list[str] = []

    def put_aside(found: re.Match[str]) -> str:
        inside.append(asserted(found[1], speaks))
        return f"\0{len(inside) - 1}\0"

    outside = _INSIDE.sub(put_aside, _REMARK.sub(r"\1", sentence.replace("\0", "")))
    kept = "".join(_kept(_clauses(outside), speaks))
    return re.sub("\0(\\d+)\0", lambda found: f"({inside[int(found[1])]})", kept).strip(" ,;:")


def _takes_back(clause: str) -> bool:
    """Whether a clause or sentence denies all that stands before it, and says no more."""
    if (said := _SAID_NOT.fullmatch(clause)) and _NO_MORE.fullmatch(said["rest"]):
        return True
    denied = _DENIED.search(clause)
    same = denied and _SAME_SUBJECT.fullmatch(clause[: denied.start()])
    return bool(denied and same and _NO_MORE.fullmatch(clause[denied.end() :]))


def _denies_before(clause: str, before: str, speaks: Speaks) -> bool:
    """Whether a clause denies of the subject of those before it what is asked, which they do not say."""
    found = _DENIED.search(clause) or _ASIDE.search(clause)
    if not found or re.match("do(?: not|n['’]?t)", found.group(), re.IGNORECASE):  # "do not dial 0"
        return False
    if not _DENIED.search(clause) and not re.match(r"\s*(?:the|its|their)\b", clause[found.end() :]):
        return False
    same = _SAME_SUBJECT.fullmatch(clause[: found.start()])
    return bool(same and speaks(clause[found.start() :]) and not speaks(before))


def _kept(clauses: Sequence[str], speaks: Speaks) -> list[str]:
    """What each clause asserts."""
    kept, follows, bare = [""], "", False
    asks = clauses[-1].rstrip().endswith("?")  # "It is Paris, isn't it?"
    for number, clause in enumerate(clauses):
        if not re.search(r"[\w\0]", clause):  # a comma before "which" or "but"
            kept.append(clause)
            continue
        before = "".join(clauses[:number])
        if not asks and before and (_takes_back(clause) or _denies_before(clause, before, speaks)):
            _drop_last(kept)
        if _BUT.match(clause) and _SUPPOSED.search(before):
            kept = [""]
        if follows and _goes_on(clauses[number:], follows, bare):
            continue
        denied, aside = _DENIED.search(clause), _ASIDE.search(clause)
        found = denied or aside
        follows = "" if found is None or _UNSURE.search(clause) else "verb" if denied else "aside"
        bare = found is not None and not re.search(r"\w", clause[found.end() :])
        subject = clause[: denied.start()] if denied and _said_of(clause, denied, clauses[number + 1 :], speaks) else ""
        kept.append(subject if denied else clause[: aside.start()] if aside else clause)
    return kept


def _drop_last(kept: list[str]) -> None:
    """Drop the last clause that has a verb of its own, with all that stands behind it."""
    while kept:
        last = kept.pop()
        if _VERB.search(last) and not _RELATIVE.match(last):
            break


def _said_of(clause: str, denied: re.Match[str], rest: Sequence[str], speaks: Speaks) -> bool:
    """Whether what is asked is said, further on, of the subject of which something else is denied."""
    denies = clause[denied.end() :]
    further = next(filter(_VERB.search, rest), "")
    return bool(
        _GOES_ON_SAYING.match(further)
        and speaks(further)
        and not _DENIED.search(further)
        and not speaks(denies)
        and not _NO_MORE.fullmatch(denies)
    )


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
