"""What holds for every test: under CI nothing is skipped for want of a tool, and hypothesis searches the same way."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import hypothesis
import pytest

from tests.browsers import chromium, photographs  # noqa: F401  (fixtures for every folder)

hypothesis.settings.register_profile("fast", max_examples=25, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True)
hypothesis.settings.register_profile("deep", max_examples=5000, deadline=None)
_CI = os.environ.get("CI", "").lower() in {"1", "true"}
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if _CI else "fast"))

# Whatever engine a machine has: tests that want one name it.
os.environ["HOWDAH_ENGINE"] = "none"

# A skip whose reason begins so is about another kind of machine; every other skip wants something that CI must have.
_ELSEWHERE = "platform:"


def _must_not_skip(report: pytest.TestReport | pytest.CollectReport) -> bool:
    if not _CI or not report.skipped or hasattr(report, "wasxfail"):
        return False
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return not reason.removeprefix("Skipped: ").startswith(_ELSEWHERE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI a skipped test is a failed one."""
    report = yield
    if _must_not_skip(report):
        report.outcome = "failed"
        report.longrepr = f"skipped under CI, where nothing may be missing: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, pytest.CollectReport]:
    """Under CI a skipped test module is a failed one."""
    report: pytest.CollectReport = yield
    if _must_not_skip(report):
        report.outcome = "failed"
        report.longrepr = f"skipped under CI, where nothing may be missing: {report.longrepr}"
    return report


# Minutes each, mostly of waiting for installations and starts.
_SLOW = ("tests/launch", "tests/compat", "tests/e2e", "tests/proxy", "tests/deploy", "tests/labelstudio/test_busy.py",
         "tests/labelstudio/test_storm.py", "tests/faults", "tests/backup")  # fmt: skip


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files first: of two workers, none is left with them while the other has nothing to do."""
    items.sort(key=lambda item: not item.nodeid.startswith(_SLOW))
