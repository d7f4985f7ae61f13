"""Mystery cases: a CNN with a hidden fault, tests that cost points, a treatment that is scored.

The modules of the lessons never build a network; here the fault has to stay hidden, so `Case` does.
It runs the very Keras code that the chart shows and that you edit to treat the patient.
"""

from helpers.clinic.case import NAMES, Case
from helpers.clinic.examinations import TESTS
from helpers.clinic.panel import Clinic

__all__ = ["NAMES", "TESTS", "Case", "Clinic"]
