"""What a person sees of a text: no markup, nothing invisible, and one form for characters that look alike."""

import re
import unicodedata
from html import unescape

_SAME_LETTER = ("<wide>", "<narrow>", "<font>", "<noBreak>")  # of Unicode: another shape of the same character
# Invisible, though Unicode calls them letters, marks or symbols: fillers, joiners, selectors of a shape.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_OTHER_MARKS = str.maketrans(
    {"。": ". ", "｡": ". ", "、": ", ", "…": "..."}
    | dict.fromkeys("«»„‟“”「」『』《》", '"')
    | dict.fromkeys("’ʼ´", "'")
)
_TYPED = re.compile(r"[ -~\n]*")  # holds nothing that could be invisible or look like something else
_UNTYPED = re.compile(r"[^ -~\n]")
_MARKS_OF_MARKUP = re.compile(r"[\\*_`~$<&|\[#>]|\d\)")

_TERMINAL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # colours and the like
_OVERLAID = re.compile("(?:[^\\W_][\u0335-\u0338] ?){2,}")  # letters with a stroke through each
_RAISED_NOTE = re.compile(r"(?:(?<=[^\W\d_]{2})|(?<=\w[.,;!?)]))[¹²³⁰⁴-⁹]+")
_STRUCK = re.compile(r"(?<!~)~~[^~\n]+~~(?!~)|<(del|strike)>.*?</\1>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
# A thought may begin in the prompt, so that only its end is seen, or be cut off before its end.
_THOUGHT = re.compile(r"<(think|thinking)>.*?(?:</\1>|\Z)", re.IGNORECASE | re.DOTALL)
_THOUGHT_BEFORE = re.compile(r"\A.*</think(?:ing)?>", re.IGNORECASE | re.DOTALL)
_BLOCK_TAGS = "p div li ul ol h1 h2 h3 h4 h5 h6 tr td th table br hr blockquote"
_OTHER_TAGS = (
    "sub sup a abbr b big body center cite code dd del dfn dl dt em font head html i img ins kbd label mark pre q samp"
    " section small span strike strong tbody tfoot thead tt u var s bos eos pad unk"
)
_BLOCKS = frozenset(_BLOCK_TAGS.split())
# Tags that may stand alone: of HTML, in lower case or capitals, and tokens by which models begin and end: <s> is far
# more often that than what is struck through. "<B>" and "<Li>" are none: these are symbols.
_TAGS = _BLOCKS | frozenset(_OTHER_TAGS.split())
_TAGS |= frozenset(name.upper() for name in _TAGS if len(name) > 1)
_ATTRIBUTE = r"""\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+)"""
_TAG = re.compile(rf"<(/?)([a-z][\w-]*)(?:{_ATTRIBUTE})*\s*/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]\w{1,30});", re.IGNORECASE)
_FENCE = re.compile(r"^\s*```+[\w+-]*[ \t]*$", re.MULTILINE)
_LINE_MARK = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[*•][ \t]+|[1-9]\)[ \t]+(?=\S))+", re.MULTILINE)
_NOTE = re.compile(r"(?<=[\w.,;!?)])(?:\[\^?\d{1,3}\]|<sup>[\[\]\d]+</sup>)(?!\()", re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\((?:[^()\s]|\([^()\s]*\))*(?:\s+\"[^\"]*\")?\)|\[[^\[\]]*\])")
_MATH = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", re.DOTALL)
_COMMAND = re.compile(r"\\[a-zA-Z]+\*?\s*(?=\{)")
_BRACES = re.compile(r"(?:\\([a-zA-Z]+)\*?\s*)?\{([^{}]*)\}")
_UNREAD = re.compile(r"[bx]?cancel|[sx]out|st|color(?:box)?|textcolor")  # struck; the names of colours
_SPACE = re.compile(r"\\[,;:! ]|\\(?:quad|qquad)\b")
_ESCAPED = re.compile(r"\\([^a-zA-Z0-9\s])")
_LOWERED = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")


def plain_text(text: str) -> str:
    r"""A text without what its reader does not see.

    Markup of Markdown, HTML and LaTeX goes and leaves its text ("**.ad**", "<b>.ad</b>", "\\boxed{H}"); what is struck
    through, and what a model thinks before it answers (all before </think>), goes altogether. So do invisible
    characters, colours of terminals and pictographs. Full-width, circled and styled letters become plain ones, digits
    of other scripts those of this one, and every line ends with "\\n".

    Args:
        text: Of a model, or of anybody: nothing in it is trusted.
    """
    if not _TYPED.fullmatch(text):
        text = _RAISED_NOTE.sub("", _OVERLAID.sub(" ", _TERMINAL.sub("", text)))
        text = "".join(" " if unicodedata.category(letter) == "So" else letter for letter in _visible(text))
    return _without_markup(text) if _MARKS_OF_MARKUP.search(text) else text


def folded(text: str) -> str:
    """A text by which two spellings of one question are the same.

    They may differ in Unicode form, width, case, white space, invisible characters, and in straight or curly quotes.
    """
    seen = _visible(text).translate(str.maketrans("‘’‚‛ʼ`´", "'''''''"))
    return " ".join(unicodedata.normalize("NFC", seen.casefold()).split())


def is_blank(text: str) -> bool:
    """Whether there is nothing to see: white space and invisible characters only."""
    return not re.search("[!-~]", text) and not _visible(text).strip()


def _visible(text: str) -> str:
    if _TYPED.fullmatch(text):
        return text
    lines = _LINE_ENDS.sub("\n", text).translate(_OTHER_MARKS)
    return unicodedata.normalize("NFC", _UNTYPED.sub(lambda found: _character(found.group()), lines))


def _character(letter: str) -> str:
    """A character as it is seen: itself, a plain form, a space, or nothing."""
    shape = unicodedata.decomposition(letter)
    if shape.startswith(_SAME_LETTER) or (shape.startswith("<circle>") and unicodedata.category(letter) == "So"):
        return unicodedata.normalize("NFKC", letter)
    if unicodedata.decimal(letter, None) is not None:
        return str(unicodedata.decimal(letter))
    if letter.isspace():
        return " "
    return "" if _UNSEEN.match(letter) or unicodedata.category(letter) in ("Cf", "Cc", "Cs") else letter


def _without_markup(text: str) -> str:
    text = _without_tags(_NOTE.sub("", _STRUCK.sub("", _THOUGHT_BEFORE.sub("", _THOUGHT.sub("", text)))))
    text = _visible(_ENTITY.sub(lambda found: unescape(found.group()), text))
    text = _LINE_MARK.sub("", _FENCE.sub("", text)).replace("|", "\n")
    text = _LINK.sub(r"\1", text)
    text = _without_latex(text)
    return _LOWERED.sub("", re.sub(r"[*`]+|~~", "", text))


def _without_tags(text: str) -> str:
    """Without known tags, and tags of any name that are closed somewhere."""
    known = _TAGS.union(name for end, name in _TAG.findall(text) if end)

    def instead(found: re.Match[str]) -> str:
        name = found[2].lower()
        if found[2] not in known:
            return found.group()
        return "\n" if name in _BLOCKS else " " if name in ("sub", "sup") else ""

    return _TAG.sub(instead, text)


def _without_latex(text: str) -> str:
    text = _MATH.sub(lambda found: found[1] or found[2], text)
    if "\\" in text:
        text = _SPACE.sub(" ", re.sub(r"\\[()\[\]]", "", text))
        seen = ""
        while seen != text:  # the innermost braces first
            seen, text = text, _BRACES.sub(lambda found: "" if _UNREAD.fullmatch(found[1] or "") else found[2], text)
        text = _COMMAND.sub("", text)
    return _ESCAPED.sub(r"\1", text)
