"""What no person and no server may read: secrets, known by what they are and not by the name of their field.

Everything that leaves goes through `masked`: messages, states, logs, artifacts, parameters, files and the terminal.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

MASK = "•••"
WORDS = ("passw", "passphrase", "pwd", "secret", "token", "credential", "signature", "authorization", "cookie")
PARTS = ("api key", "access key", "account key", "private key", "shared access", "conn str", "connection str")
ALONE = ("sig", "auth", "dsn", "sas")
NAMES = "|".join(
    (
        *WORDS,
        *(part.replace(" ", "[_-]?") for part in PARTS),
        *(f"(?<![a-zA-Z0-9]){word}(?![a-zA-Z0-9])" for word in ALONE),
    )
)
"""Words in the name of a field that holds a secret, whatever it looks like."""
NAMED = re.compile(f"(?i){NAMES}")
CONTAINERS = ("abfs", "abfss", "wasb", "wasbs", "adl")
"""Schemes whose address names a container before the `@`."""
VALUE = r"[^\s\"'<>,;&#)}\]]+"
ADDRESS = re.compile(r"\b[a-zA-Z][\w+.-]{0,30}://[^\s\"'<>]+")
LOGIN = re.compile(r"^([\w+.-]+)(://)([^/?#]+|[^:/@]*:(?!\d{1,5}/).+)@(?=[^@]*$)")
QUERY = re.compile(rf"([?&#;][\w.%~\[\]-]+=)(?!{MASK})({VALUE})")
BARE_QUERY = re.compile(rf"(?i)([?&][\w.%~-]{{0,40}}(?:{NAMES}|x-(?:amz|goog)-)[\w.%~-]{{0,40}}=)({VALUE})")
HOOK = re.compile(r"(?i)^(https?://(?:hooks\.slack\.com|[\w.-]*webhook\.office\.com|discord(?:app)?\.com/api)/).+")
ASSIGNED = re.compile(rf"(?i)((?:{NAMES})[\w-]{{0,40}}=[\"']?)(?![\"'=\s])({VALUE})")
QUOTED = re.compile(rf"(?i)((?:{NAMES})[\w. -]{{0,40}}[\"']\s{{0,5}}[:=,]\s{{0,5}}[\"'])([^\"']+)(?=[\"'])")
HEADER = re.compile(
    rf"(?i)((?:authorization|api-key|cookie|auth-token|passw(?:or)?d|pwd)\s{{0,5}}:\s{{1,5}})"
    rf"(?!{MASK})([^\s\"',;][^\"'\n,;]*)"
)
BEARER = re.compile(
    r"((?:^|(?<=\W))(?i:bearer|basic|token|digest|apikey)\s{1,5})"
    r"(?=[\w.~+/=-]*(?:[\d=_.+/-]|[a-z][A-Z]|[A-Z][a-z]*[A-Z]))[\w.~+/=-]{8,}"
)
FLAG = re.compile(r"((?:^|\s)(?:-u|--user|--password|--token)[ =])(\S+)")
PEM = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL)
SHAPES = re.compile(
    r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b"
    r"|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abeoprs]-[\w-]{10,}"
    r"|\b[srp]k_(?:live|test)_\w{10,}|\bsk-[\w-]{20,}|\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"
    r"|\bpn[ub]_\w{16,}|\bhf_\w{20,}|\bnpm_\w{30,}|\bpypi-[\w-]{20,}|\bdapi[0-9a-f]{32}\b|\bdop_v1_[0-9a-f]{40,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
    r"|(?<![\w/+.-])(?=[\w/+-]*[a-z])(?=[\w/+-]*[A-Z])(?=[\w/+-]*\d)(?!/)[A-Za-z0-9/+]{40}(?![\w/+=.-])"
    r"|(?<![\w/+.-])(?=[\w+/-]*[a-z])(?=[\w+/-]*[A-Z])(?=[\w+/-]*\d)[\w+/-]{42,}={1,2}(?![\w/+=])"
)
HINTS = ("://", "?", "&", *WORDS, "key", "shared", "conn", *ALONE, "bearer", "basic", "digest", "xox", "-u ", "--user")
LONG = re.compile(r"[\w+/-]{18}")
"""Where no hint is and no long word, nothing is looked for: nearly every text is done with one look."""


def masked(text: str) -> str:
    """The text without what is secret in it: logins and queries of addresses, headers, passwords, keys."""
    low = text.lower()
    if not any(hint in low for hint in HINTS) and not LONG.search(text):
        return text
    text = ADDRESS.sub(lambda found: _address(found[0]), PEM.sub(MASK, text))
    text = BEARER.sub(rf"\1{MASK}", text)
    for pattern in (BARE_QUERY, QUOTED, ASSIGNED, HEADER, FLAG):
        text = pattern.sub(rf"\1{MASK}", text)
    return SHAPES.sub(MASK, text)


def _address(text: str) -> str:
    """An address without its login, the values of its query, and what is after the host of a chat's hook."""
    text = HOOK.sub(rf"\1{MASK}", text)
    found = LOGIN.match(text)
    if found and not (found[1].lower() in CONTAINERS and ":" not in found[3]):
        text = f"{found[1]}{found[2]}{MASK}{text[found.end() - 1 :]}"
    return QUERY.sub(rf"\1{MASK}", text)


def is_secret(value: object, name: str = "") -> bool:
    """Whether a value of a field holds a secret: by what it is, or because its field is named as one."""
    held = isinstance(value, str) and value not in ("", MASK) and "{{" not in value
    return held and (masked(str(value)) != value or NAMED.search(name) is not None)


def holds_secret(value: Any) -> bool:
    """Whether a value of any depth has a text in it that is secret by what it is."""
    if isinstance(value, Mapping):
        return any(map(holds_secret, value.values()))
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(map(holds_secret, value))
    return is_secret(value)


def masked_value(value: Any, name: str = "") -> Any:
    """The same for values of any depth; a text in a field that is named as a secret is masked whole."""
    if isinstance(value, Mapping):
        return {key: masked_value(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        made = [masked_value(inner, name) for inner in value]
        return made if isinstance(value, list) else tuple(made)
    if isinstance(value, str):
        return MASK if is_secret(value, name) and NAMED.search(name) else masked(value)
    return value


Shown = Annotated[str, AfterValidator(masked)]
"""A text of a result or an answer that people and servers read."""


class Guarded(Exception):  # noqa: N818 - what the errors of this package have in common
    """An error whose text holds no secret, however it is shown: as a state, in a traceback, pickled."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(masked(one) if isinstance(one, str) else one for one in args))


def guard(error: BaseException | None) -> None:
    """Masks what an error of anybody's says, and what those say that caused it, before it reaches a state or a log."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if (told := tuple(masked(one) if isinstance(one, str) else one for one in error.args)) != error.args:
            error.args = told
        for one in getattr(error, "exceptions", ()):
            guard(one)
        for name in ("filename", "filename2", "strerror", "msg", "message", "reason", "url"):
            if isinstance(said := getattr(error, name, None), str) and (shown := masked(said)) != said:
                _set(error, name, shown)
        error = error.__cause__ or error.__context__


def _set(error: BaseException, name: str, value: str) -> None:
    try:
        setattr(error, name, value)
    except AttributeError:
        return


def guard_logs() -> None:
    """Every record of a log that is made from now on is masked, with its traceback; once for a process."""
    make = logging.getLogRecordFactory()
    if getattr(make, "guarded", False):
        return

    def guarded(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        return _masked_record(record)

    guarded.guarded = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(guarded)


def _masked_record(record: logging.LogRecord) -> logging.LogRecord:
    try:
        said = record.getMessage()
    except Exception:  # a wrong format is for the logging module to report
        return record
    if (shown := masked(said)) != said:
        record.msg, record.args = shown, None
    if record.exc_info and record.exc_info[1] is not None:
        told = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        if (shown := masked(told)) != told:
            record.exc_text, record.exc_info = shown, None
    return record
