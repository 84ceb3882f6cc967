from __future__ import annotations

from pathlib import Path

import pytest

from howdah import filesystems

MOUNTS = """/dev/sda1 / ext4 rw 0 0
server:/export/home /home/cdsw nfs4 rw,vers=4.1 0 0
tmpfs /home/cdsw/fast tmpfs rw 0 0
server:/export/other /mnt/with\\040space nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("place", "kind", "mode"),
    [
        ("/var/lib/howdah", "ext4", "WAL"),
        ("/home/cdsw/label_studio_data/label-studio/label_studio.sqlite3", "nfs4", "TRUNCATE"),
        ("/home/cdsw/fast/data", "tmpfs", "WAL"),
        ("/home/cdswx", "ext4", "WAL"),
        ("/mnt/with space/data", "nfs", "TRUNCATE"),
    ],
)
def test_journal_follows_the_file_system_that_holds_the_file(place: str, kind: str, mode: str) -> None:
    assert filesystems.kind_of(Path(place), MOUNTS) == kind
    assert filesystems.journal_mode(kind) == mode


def test_without_a_table_of_mounts_the_disk_is_taken_for_a_disk() -> None:
    assert filesystems.kind_of(Path("/data"), "") == "unknown"
    assert filesystems.journal_mode("unknown") == "WAL"
