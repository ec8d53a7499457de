"""The file of judgements and money: SQLite, opened by any number of processes, each change in one step."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from json import JSONDecodeError
from pathlib import Path

from pydantic import ValidationError

from itl_bench.errors import ItlError, UsageError

VERSION = 1  # of the tables
MADE_BY = 0x69746C6A  # in SQLite's field for the application: any other file is left alone
BUSY_SECONDS = 60.0

# Money is counted in whole trillionths of a dollar: sums are exact, and no order of additions spends a budget twice.
TABLES = """
CREATE TABLE judgements (
    key TEXT PRIMARY KEY,
    judge TEXT NOT NULL,
    model TEXT NOT NULL,
    outcome TEXT NOT NULL,
    judgement TEXT NOT NULL,
    stored REAL NOT NULL,
    others INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE money (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    judge TEXT NOT NULL,
    key TEXT NOT NULL,
    reserved INTEGER NOT NULL,
    settled INTEGER,
    known INTEGER NOT NULL DEFAULT 0,
    at REAL NOT NULL,
    batch INTEGER REFERENCES batches (id)
);
CREATE TABLE runs (run TEXT PRIMARY KEY, settled INTEGER NOT NULL, open INTEGER NOT NULL);
CREATE TABLE claims (key TEXT PRIMARY KEY, token TEXT NOT NULL, process TEXT NOT NULL, beat REAL NOT NULL);
CREATE TABLE batches (
    id INTEGER PRIMARY KEY,
    judge TEXT NOT NULL,
    model TEXT NOT NULL,
    run TEXT NOT NULL,
    file TEXT,
    name TEXT UNIQUE,
    created REAL NOT NULL,
    ended REAL
);
CREATE TABLE batch_rows (
    batch INTEGER NOT NULL REFERENCES batches (id),
    key TEXT NOT NULL,
    request TEXT NOT NULL,
    reservation INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (batch, key)
);
CREATE UNIQUE INDEX open_rows ON batch_rows (key) WHERE done = 0;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, or make it.

    Args:
        path: Of the file; its folder is made where there is none.

    Raises:
        ItlError: It is damaged, no ledger, of a newer version, or cannot be written. Nothing of it is changed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with told(path):
        database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _check(database, path)
            _set_up(database)
            with transaction(database):
                if not _check(database, path):
                    _make_tables(database)
        except BaseException:
            database.close()
            raise
    return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All changes inside, or none; nobody else writes meanwhile."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield database
        database.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turns what SQLite, or reading a damaged row, raises into one line; the file stays as it is.

    Raises:
        ItlError: What is wrong with the file, and what to do next.
    """
    try:
        yield
    except (sqlite3.Error, ValidationError, UnicodeDecodeError, JSONDecodeError) as error:
        raise ItlError(_line(path, error)) from None


def _line(path: Path, error: Exception) -> str:
    kind, text = str(getattr(error, "sqlite_errorname", "")), " ".join(str(error).split())[:200]
    if kind.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return f"{path} was in use by other processes for {BUSY_SECONDS:.0f} seconds; run the same command again"
    if kind.startswith(("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return f"{path} cannot be opened or written ({text}); make room or give it the permission, and run again"
    return (
        f"{path} is damaged ({text}); nothing was deleted. It holds judgements that were paid for: copy it back from a "
        f"backup, or read what is left with `sqlite3 FILE .recover`; without it they are asked and paid again"
    )


def _check(database: sqlite3.Connection, path: Path) -> bool:
    """Whether the tables are there; an error where they are not ours to use."""
    (version,), (made_by,) = (
        database.execute(f"PRAGMA {name}").fetchone() for name in ("user_version", "application_id")
    )
    (tables,) = database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    if not tables and not made_by:
        return False
    if made_by != MADE_BY:
        raise UsageError(f"{path} is no ledger of judgements; move it away, or give another store (--itl-store DIR)")
    if version > VERSION:
        raise UsageError(
            f"{path} has version {version}, this itl-bench reads {VERSION}: use the newer one that wrote it"
        )
    return True


def _set_up(database: sqlite3.Connection) -> None:
    """Readers and a writer at the same time. What a killed process wrote stays; a power cut takes the last moments."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:  # two that change it at once: SQLite does not wait here
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    database.execute("PRAGMA synchronous = NORMAL")


def _make_tables(database: sqlite3.Connection) -> None:
    for statement in filter(str.strip, TABLES.split(";")):
        database.execute(statement)
    database.execute(f"PRAGMA user_version = {VERSION}")
    database.execute(f"PRAGMA application_id = {MADE_BY}")
