from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howdah.errors import Unsupported
from howdah.server import filters
from howdah.wire.gen import pfs_pb2, pps_pb2

PIPELINE = pps_pb2.Pipeline(project=pfs_pb2.Project(name="vision"), name='ed"ges')
JOB = pps_pb2.JobInfo(
    job=pps_pb2.Job(pipeline=PIPELINE, id="4" * 32),
    state=pps_pb2.JOB_FAILURE,
    data_total=12,
    restart=2,
)


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("", True),
        ("  ", True),
        ('select(.state == "JOB_FAILURE")', True),
        ('select(.state == "JOB_SUCCESS" or .state == "JOB_FAILURE")', True),
        ('select(.state=="JOB_SUCCESS"or.state=="JOB_KILLED")', False),
        ('select(.state != "JOB_FAILURE")', False),
        ('select(.job.pipeline.name == "ed\\"ges" and .job.pipeline.project.name == "vision")', True),
        ("select(.data_total > 9 and .data_total <= 12 and .restart >= 2 and .restart < 10)", True),
        ("select(.data_total == 12)", True),
        ("select(.data_failed == 0)", True),
        ("select(.state > 3)", False),
        ("select(.reason < 3 or .details.salt)", False),
        ("select(.nothing == null and .job.id.deeper == null)", True),
        ("select(.job)", True),
        ("select(.details | not)", True),
        ("select((.details | not) and true)", True),
        ('select(.restart == 1 or .restart == 2 and .state == "JOB_KILLED")', False),
        ('select((.restart == 1 or .restart == 2) and .state == "JOB_FAILURE")', True),
        ("select(.restart == 2) | select(.data_total == 1.5)", False),
        ("select(true == false | not)", True),
    ],
)
def test_a_message_passes_or_does_not(text: str, passes: bool) -> None:
    assert filters.matching(text)(JOB) is passes


@pytest.mark.parametrize(
    "text",
    [
        ".state",
        "select(.state == )",
        "select(.state",
        "select(.state))",
        'select(.state == "JOB)',
        'select(.state == "\\x")',
        "select(.a == 1 == 2)",
        "select(.a) |",
        "select(.[0])",
        "select(env)",
        "select(input_line_number)",
        "while(true; 1)",
        "select(" + "(" * 1000 + "1" + ")" * 1000 + ")",
        "select(" + " or ".join(["1"] * 2000) + ")",
        "select(+1)",
    ],
)
def test_what_is_beyond_is_refused(text: str) -> None:
    with pytest.raises(Unsupported, match="is not offered: write select"):
        filters.matching(text)


@given(
    text=st.lists(
        st.sampled_from(["select", "(", ")", "|", "or", "and", "not", ".a", "==", "<", "1", '"x"', " ", "null"])
    )
)
def test_anything_is_read_or_refused(text: list[str]) -> None:
    try:
        filters.matching(" ".join(text))(JOB)
    except Unsupported:
        return
