"""Markdown of what a reader meets first and last: sentences, effects, kept and learned, words, what was not seen."""

from itl_bench.record import MechanismRecord, Record
from itl_bench.report.apart import MARK, Apart, claims_apart
from itl_bench.report.front import Picture, Standing, pictures
from itl_bench.report.grouping import mechanism_cases, speaks_of
from itl_bench.report.legend import LEGEND
from itl_bench.report.markdown_measured import code, escape, table
from itl_bench.report.story import WORDS, Reading, Story, stories
from itl_bench.report.unseen import TITLE, could_not_see
from itl_bench.report.wording import NOT_RUN, number

NONE = "This run has no headline: its catalog names none."


def sentences(record: Record) -> str:
    """One sentence for each mechanism, what is said in bold, and what each asks."""
    told = stories(record)
    return "\n".join(f"- {_sentence(one)} *Asked: {escape(one.headline.asks)}.*" for one in told) or NONE


def forest_table(record: Record) -> str:
    """The effects behind the sentences, one row for each mechanism and arm; nothing where nothing is told."""
    rows = [_row(story, one, first=one is story.readings[0]) for story in stories(record) for one in story.readings]
    head = ["", "arm", "verdict", "effect, with its interval", "d", "unit", "beside it"]
    return table(head, rows) if rows else ""


def story_section(record: Record) -> str:
    """Sentences and forest; nothing where the record has no headline."""
    return f"{sentences(record)}\n\n{forest_table(record)}" if stories(record) else ""


def front_section(record: Record) -> str:
    """How methods stand against each other in what they kept and learned; nothing where that is not known."""
    shown = pictures(record)
    if not shown:
        return ""
    rows = [_standing(picture, one) for picture in shown for one in picture.standings]
    text = (
        "Shares of known facts kept and of new facts learned; better or worse only where intervals say so. "
        "The page (report.html) draws every rate."
    )
    return f"## Kept against learned\n\n{text}\n\n" + table(["data", "methods", "arm", "state", "why"], rows)


def apart_section(record: Record) -> str:
    """The claims whose arms or texts have different verdicts; nothing where there are none."""
    found = claims_apart(record)
    lines = [f"- {MARK} {code(claim)} {escape(one.words)}." for claim, some in found.items() for one in some]
    return "\n".join(["Where arms or texts of one claim have different verdicts:", "", *lines]) if lines else ""


def apart_mark(found: tuple[Apart, ...]) -> str:
    """What stands beside a claim's id in a table; nothing where its arms and texts agree."""
    return f" {MARK}" if found else ""


def mechanisms_section(record: Record) -> str:
    """Each mechanism with what breaks it, and the verdicts of the cases that would show it."""
    if not record.mechanisms:
        return ""
    return "## Mechanisms\n\n" + "\n\n".join(_mechanism(record, mechanism) for mechanism in record.mechanisms)


def _mechanism(record: Record, mechanism: MechanismRecord) -> str:
    lines = [f"### {escape(mechanism.id)}", escape(mechanism.statement), f"Breaks if: {escape(mechanism.breaks_if)}"]
    members = mechanism_cases(record, mechanism)
    lines += [f"{verdicts}."] if (verdicts := speaks_of(members)) else []
    cases = [f"- {code(member.id)}: {member.case.verdict}" for member in members if member.case and member.with_verdict]
    if idle := [member for member in members if not member.with_verdict]:
        cases.append(f"- {NOT_RUN}: {len(idle):,} more, for example {code(idle[0].id)}")
    return "\n\n".join([*lines, "\n".join(cases) or "No case shows it yet."])


def words_section() -> str:
    """Every word that the report uses in a sense of its own."""
    return "## Words\n\n" + table(["word", "meaning"], [[escape(word), escape(meaning)] for word, meaning in LEGEND])


def unseen_section(record: Record) -> str:
    """The end of the report."""
    return f"## {TITLE}\n\n" + "\n".join(f"- {escape(line)}" for line in could_not_see(record))


def _sentence(story: Story) -> str:
    return f"**{escape(story.id)}** " + "".join(
        f"**{text}**" if said else _spaced(text) for text, said in story.pieces()
    )


def _spaced(text: str) -> str:
    """Escaped, with the spaces around it that join it to its neighbours."""
    return f"{' ' * text.startswith(' ')}{escape(text)}{' ' * text.endswith(' ')}"


def _row(story: Story, one: Reading, *, first: bool) -> list[str]:
    name = f"{escape(story.id)}: {escape(story.headline.says)}" if first else ""
    word = one.word if one.word in WORDS else escape(one.word)
    effect = f"{escape(one.column)} {one.amount()}" if one.effect is not None else ""
    return [name, escape(one.where), word, effect, number(one.margin), escape(one.unit), escape(one.note)]


def _standing(picture: Picture, one: Standing) -> list[str]:
    left, right = map(escape, picture.names)
    state = {"better": f"{left} better", "worse": f"{left} worse"}.get(one.state, one.state)
    return [code(picture.dataset), f"{left}, {right}", escape(one.where), state, f"{left} {escape(one.words)}"]
