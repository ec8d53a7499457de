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
_OTHER_MARKS = str.maketrans({"。": ". ", "｡": ". ", "、": ", ", "…": "..."} | dict.fromkeys("«»„‟“”「」『』《》", '"'))
_TYPED = re.compile(r"[ -~\n]*")  # holds nothing that could be invisible or look like something else
_UNTYPED = re.compile(r"[^ -~\n]")
_MARKS_OF_MARKUP = re.compile(r"[\\*_`~$<&|\[#>]|\d\)")

_STRUCK = re.compile(r"(?<!~)~~[^~\n]+~~(?!~)|<(s|del|strike|think)>.*?</\1>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_BLOCKS = re.compile(r"</?(?:p|div|li|ul|ol|h\d|tr|td|th|table|br|hr|blockquote)\b[^<>]*>", re.IGNORECASE)
_RAISED = re.compile(r"</?su[bp]>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>]*)?/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]\w{1,30});", re.IGNORECASE)
_FENCE = re.compile(r"^\s*```+[\w+-]*[ \t]*$", re.MULTILINE)
_LINE_MARK = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[*•][ \t]+|\d{1,2}\)[ \t]+(?=\S))+", re.MULTILINE)
_NOTE = re.compile(r"(?<=[\w.,;!?)])(?:\[\^?\d{1,3}\]|<sup>[\[\]\d]+</sup>)(?!\()", re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\((?:[^()\s]|\([^()\s]*\))*(?:\s+\"[^\"]*\")?\)|\[[^\[\]]*\])")
_MATH = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", re.DOTALL)
_COMMAND = re.compile(r"\\[a-zA-Z]+\*?\s*(?=\{)")
_BRACES = re.compile(r"\{([^{}]*)\}")
_SPACE = re.compile(r"\\[,;:! ]|\\(?:quad|qquad)\b")
_ESCAPED = re.compile(r"\\([^a-zA-Z0-9\s])")
_LOWERED = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")


def plain_text(text: str) -> str:
    r"""A text without what its reader does not see.

    Markup of Markdown, HTML and LaTeX goes and leaves its text ("**.ad**", "<b>.ad</b>", "\\boxed{H}"); what is struck
    through, and what a model thinks before it answers (<think>), goes altogether. So do invisible characters and
    pictographs. Full-width and styled letters become plain ones, and every line ends with "\\n".

    Args:
        text: Of a model, or of anybody: nothing in it is trusted.
    """
    if not _TYPED.fullmatch(text):
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
    if unicodedata.decomposition(letter).startswith(_SAME_LETTER):
        return unicodedata.normalize("NFKC", letter)
    if letter.isspace():
        return " "
    return "" if _UNSEEN.match(letter) or unicodedata.category(letter) in ("Cf", "Cc", "Cs") else letter


def _without_markup(text: str) -> str:
    text = _RAISED.sub(" ", _BLOCKS.sub("\n", _NOTE.sub("", _STRUCK.sub("", text))))
    text = _visible(_ENTITY.sub(lambda found: unescape(found.group()), _TAG.sub("", text)))
    text = _LINE_MARK.sub("", _FENCE.sub("", text)).replace("|", "\n")
    text = _LINK.sub(r"\1", text)
    text = _without_latex(text)
    return _LOWERED.sub("", re.sub(r"[*`]+|~~", "", text))


def _without_latex(text: str) -> str:
    text = _MATH.sub(lambda found: found[1] or found[2], text)
    if "\\" in text:
        text = _SPACE.sub(" ", re.sub(r"\\[()\[\]]", "", text))
        bare = _COMMAND.sub("", text)
        while bare != text:  # the innermost braces first
            text, bare = bare, _BRACES.sub(r"\1", bare)
    return _ESCAPED.sub(r"\1", text)
