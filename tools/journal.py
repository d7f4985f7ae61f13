"""What every stored result depends on, and whether it still does: one rule for all tables.

data/results/journal.csv has a line for each run whose rows stand in a table: the table, the
subject (a notebook, a patient, a case), the run (its kind and seed), and a checksum of each of
the four things that decide its numbers: the code of the cells, the code in helpers that they
call, the data, and the versions of the libraries. A run is stale when one of them has changed
since, whatever its numbers are.
"""

import hashlib
import re
from functools import cache
from typing import NamedTuple

import cells
from helpers.data import RESULTS, SAMPLE_SHA256

import pandas as pd

JOURNAL = RESULTS / "journal.csv"
LIBRARIES = ("cleanlab", "keras", "numpy", "scikit-learn", "scipy", "tensorflow")
RUN = ["table", "subject", "run"]


class Fingerprint(NamedTuple):
    """Checksums of what decides the numbers of a run."""

    cells: str
    helpers: str
    data: str
    versions: str

    def changed_since(self, entry):
        """Names of the parts in which a journal line differs."""
        return [part for part in self._fields if getattr(self, part) != entry[part]]


def fingerprint(code):
    """The fingerprint of a run that executes this Python code.

    Parameters
    ----------
    code : str, as `cells.code_of` gives it; what it imports from helpers is traced
    """
    called = cells.helpers_of(code)
    return Fingerprint(*(_checksum(part) for part in (code, called, SAMPLE_SHA256, _versions())))


def _checksum(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@cache
def _versions():
    """Pins of the libraries, from the lock: what is installed here does not make results stale."""
    lock = (cells.ROOT / "requirements.txt").read_text(encoding="utf-8")
    pins = re.findall(rf"^({'|'.join(LIBRARIES)})==(\S+)", lock, re.MULTILINE)
    return "\n".join(sorted(f"{name} {version}" for name, version in pins))


def read():
    """The journal, indexed by table, subject and run."""
    if not JOURNAL.exists():
        return pd.DataFrame(columns=Fingerprint._fields, index=pd.MultiIndex.from_arrays([[]] * 3, names=RUN))
    return pd.read_csv(JOURNAL, dtype=str).set_index(RUN).sort_index()


def enter(journal, table, subject, run, fingerprint):
    """The journal with one more line, or another one for this run, written to its file."""
    journal = journal.drop(index=[(table, subject, run)], errors="ignore")
    line = pd.DataFrame([fingerprint], index=pd.MultiIndex.from_tuples([(table, subject, run)], names=RUN))
    journal = pd.concat([journal, line]).sort_index()
    journal.to_csv(JOURNAL)
    return journal


def stale(journal, table, subject, runs, fingerprint):
    """Which runs have to be done: dict, run -> what has changed; "never run" if nothing is stored."""
    todo = {}
    for run in runs:
        if (table, subject, run) not in journal.index:
            todo[run] = ["never run"]
        elif changed := fingerprint.changed_since(journal.loc[table, subject, run]):
            todo[run] = changed
    return todo
