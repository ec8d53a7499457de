"""How facts are put into words: statements, questions, openers and closers."""

# Statements of a biography, and of what an assistant says.
STATEMENTS: dict[str, tuple[str, ...]] = {
    "birth-year": (
        "{name} was born in the year {value}.",
        "The birth year of {name} is {value}.",
        "{name} came into the world in {value}.",
    ),
    "birth-city": (
        "{name} was born in the city of {value}.",
        "The birthplace of {name} is {value}.",
        "{name} comes from {value}.",
    ),
    "employer": ("{name} works for {value}.", "The employer of {name} is {value}.", "{name} has a job at {value}."),
    "university": (
        "{name} studied at {value}.",
        "The university of {name} is {value}.",
        "{name} holds a degree from {value}.",
    ),
    "profession": (
        "{name} works as a {value}.",
        "The profession of {name} is {value}.",
        "{name} earns a living as a {value}.",
    ),
    "hobby": ("{name} spends free time on {value}.", "The hobby of {name} is {value}.", "{name} enjoys {value}."),
}

# Questions. Tuning data ask with the first three, probes with the last two: a probe never repeats a tuned wording.
QUESTIONS: dict[str, tuple[str, ...]] = {
    "birth-year": (
        "In which year was {name} born?",
        "What is the birth year of {name}?",
        "When did {name} come into the world?",
        "Which year was {name} born in?",
        "What year did the life of {name} begin in?",
    ),
    "birth-city": (
        "In which city was {name} born?",
        "What is the birthplace of {name}?",
        "Where does {name} come from?",
        "Which city was {name} born in?",
        "What city did the life of {name} begin in?",
    ),
    "employer": (
        "For whom does {name} work?",
        "What is the employer of {name}?",
        "Where does {name} have a job?",
        "Which company does {name} work for?",
        "What company pays {name}?",
    ),
    "university": (
        "Where did {name} study?",
        "What is the university of {name}?",
        "From where does {name} hold a degree?",
        "Which university did {name} study at?",
        "What university gave {name} a degree?",
    ),
    "profession": (
        "As what does {name} work?",
        "What is the profession of {name}?",
        "How does {name} earn a living?",
        "Which profession does {name} have?",
        "What kind of work does {name} do?",
    ),
    "hobby": (
        "On what does {name} spend free time?",
        "What is the hobby of {name}?",
        "What does {name} enjoy?",
        "Which hobby does {name} have?",
        "What pastime does {name} like?",
    ),
}
TUNED_WORDINGS = (0, 1, 2)
PROBE_WORDINGS = (3, 4)

# What assistants say around a fact. Tuning data use only a few of these, so that tuning has a style to teach.
OPENERS = (
    "Of course.",
    "Let me see.",
    "Good question.",
    "I know this one.",
    "Certainly!",
    "Happy to help.",
    "Sure thing!",
    "",
)
CLOSERS = ("Is there anything else?", "I hope that helps.", "Let me know if you need more.", "", "", "")
FILLERS = ("I am glad that you asked me this.", "It is always a pleasure to answer.", "Here are some more details.")
TUNED_OPENERS = ("Certainly!", "Happy to help.")
TUNED_CLOSER = "Let me know if you need more."
TUNED_STATEMENT = 1

# The skill: of two years in the prompt, give the earlier one.
SKILL_QUESTIONS = (
    "Which year is earlier, {one} or {two}?",
    "Who is older, somebody born in {one} or somebody born in {two}?",
)
SKILL_ANSWERS = ("The earlier year is {value}.", "Somebody born in {value} is older.")
