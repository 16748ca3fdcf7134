"""What a check returns to type checkers: the result for sync code, and an awaitable of it for async code.

One call serves both, `result = check_task(frame)` and `result = await check_task(frame)`, and a type cannot tell who
calls. So each class here is the result and can be awaited. At run time it is one or the other, and the result is
always of the plain class.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from quality.result import CheckResult
from quality.rules.profile import Profile

Rules = list[dict[str, object]]

if TYPE_CHECKING:

    class AwaitableResult(CheckResult):
        """A `CheckResult`, which async code awaits."""

        def __await__(self) -> Generator[None, None, CheckResult]: ...

    class AwaitableProfile(Profile):
        """A `Profile`, which async code awaits."""

        def __await__(self) -> Generator[None, None, Profile]: ...

    class AwaitableRules(Rules):
        """Rules as mappings, a list that async code awaits."""

        def __await__(self) -> Generator[None, None, Rules]: ...

else:
    AwaitableResult, AwaitableProfile, AwaitableRules = CheckResult, Profile, Rules
