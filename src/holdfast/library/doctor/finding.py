"""Faults and findings: what the doctor knows about, and what it found. Pure data."""

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad it is. The worst one found is the exit code of `holdfast doctor`; a note is advice and counts nothing."""

    NOTE = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault, found. Never holds a credential.

    Attributes:
        fault: Its code in `faults.FAULTS`.
        severity: How bad it is.
        subject: What has it: a camera, a folder, the host.
        what: The fault in words.
        evidence: What was seen that shows it.
        fix: A command or a step.
    """

    fault: str
    severity: Severity
    subject: str
    what: str
    evidence: str
    fix: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that the doctor explains.

    Attributes:
        code: Its name in `--json` and in docs/troubleshooting.md. Never renamed.
        severity: How bad it is.
        what: The fault in words.
        cause: Where it usually comes from.
        fix: What to do; `{name}` stands for a value that the finding fills in.
    """

    code: str
    severity: Severity
    what: str
    cause: str
    fix: str

    def found(self, subject: str, evidence: str, **values: object) -> Finding:
        """Make a finding of it; `values` fill in the fix."""
        return Finding(self.code, self.severity, subject, self.what, evidence, self.fix.format(**values))
