"""What fenced code can do and what it cannot; each test as whoever runs the suite, and as nobody."""

from __future__ import annotations

import os
import re
import secrets
import sys
from pathlib import Path

import pytest

from tests.worker.conftest import Runner, running


def test_code_reads_its_inputs_and_writes_its_output(fence: Runner) -> None:
    ran = fence.sh(
        "cat /pfs/images/a/b.txt > /pfs/out/c; mkdir -p /pfs/out/d; echo x > /pfs/out/d/e",
        inputs={"images/a/b.txt": "seen"},
    )
    assert (ran.how, ran.code, ran.lines) == ("exited", 0, [])
    assert ran.out == {"c": "seen", "d/e": "x\n"}


def test_inputs_cannot_be_changed_by_any_way(fence: Runner) -> None:
    script = """
    echo x > /pfs/images/a; echo x > /pfs/images/new; rm -f /pfs/images/a; chmod 777 /pfs/images/a
    mv /pfs/images/a /pfs/out/; ln /pfs/images/a /pfs/out/linked; touch /pfs/new; rmdir /pfs/out
    mount -o remount,rw /pfs; umount /pfs; umount -l /pfs; cat /pfs/images/a
    """
    ran = fence.sh(script, inputs={"images/a": "as it was"})
    assert ran.lines[-1] == "as it was"
    assert "linked" not in ran.out
    assert len(ran.lines) >= 10


def test_the_machines_files_cannot_be_changed(fence: Runner) -> None:
    folders = "/ /etc /usr /var /var/tmp /run /dev /sys /root /home /boot /opt /.slot /.shown /proc/sys/kernel"
    script = f"for folder in {folders}; do touch $folder/howdah-was-here 2>/dev/null && echo $folder; done; echo no"
    assert fence.sh(script).lines == ["no"]
    assert fence.sh("echo 1 > /etc/passwd").lines == ["sh: 1: cannot create /etc/passwd: Read-only file system"]
    assert not Path("/etc/howdah-was-here").exists()


def test_the_data_folder_is_empty_for_code_whatever_it_tries(fence: Runner) -> None:
    secret = f"secret-{secrets.token_hex(8)}"
    (fence.data / secret).write_text("what nobody sees")
    script = f"""
    umount {fence.data}; umount -l {fence.data}
    unshare --user --map-root-user --mount sh -c 'umount -l {fence.data}; ls -A {fence.data}'
    mkdir /tmp/x; mount --bind / /tmp/x
    for root in / /proc/1/root/ /proc/self/root/ /tmp/x/; do cat "${{root}}{fence.data}/{secret}"; done
    find / -name '{secret}' -not -path '/proc/*' -exec cat {{}} + 2>/dev/null
    ls -A {fence.data} /.slot /tmp/x
    """
    ran = fence.sh(script)
    assert "what nobody sees" not in "".join(ran.lines)
    assert not [line for line in ran.lines if line.startswith("run-")]
    assert ran.lines[-5:] == ["/.slot:", "", "/tmp/x:", "", f"{fence.data}:"]


def test_code_has_no_right_and_can_get_none(fence: Runner) -> None:
    script = """
    grep -E '^(Cap|NoNewPrivs|Groups)' /proc/self/status; id -u
    unshare --user true && echo user; unshare --mount true && echo mount; chroot / true && echo chroot
    mknod /tmp/disk b 8 0 && echo device; nice -n -5 true 2>/dev/null && echo nice; hostname other && echo host
    """
    ran = fence.sh(script)
    told = dict(line.split(":\t") for line in ran.lines if ":\t" in line)
    assert {told[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert told["NoNewPrivs"] == "1"
    assert "0" not in ran.lines
    assert not {"user", "mount", "chroot", "device", "host"} & set(ran.lines)


def test_code_sees_and_signals_only_its_own_processes(fence: Runner) -> None:
    mine = os.getpid()
    ran = fence.sh(
        f"echo /proc/[0-9]*; kill -9 1; kill -9 {mine}; ls /proc/{mine} /proc/1/fd; cat /proc/1/environ; echo still"
    )
    assert all(int(word.removeprefix("/proc/")) < 10 for word in ran.lines[0].split())
    assert ran.lines[-1] == "still"
    assert len([line for line in ran.lines if "denied" in line]) >= 2


def test_signals_to_its_own_group_and_to_all_end_nothing_else(fence: Runner) -> None:
    assert fence.sh("kill -9 -1; echo still").lines[-1] == "still"
    assert fence.sh("kill -9 0").why == "it was ended by SIGKILL"
    assert fence.sh("kill -SEGV $$").why == "it was ended by SIGSEGV"


def test_the_environment_is_what_is_given_and_nothing_else(fence: Runner) -> None:
    ran = fence("/usr/bin/env", environment={"A": "1", "B": "two words", "PATH": "/bin"})
    assert sorted(ran.lines) == ["A=1", "B=two words", "PATH=/bin"]


def test_code_has_no_files_open_but_its_own(fence: Runner) -> None:
    assert fence("ls", "/proc/self/fd").lines == ["0", "1", "2", "3"]  # the last is that of the folder


def test_standard_input_is_the_lines_that_are_given(fence: Runner) -> None:
    assert fence("sh", stdin=["echo one", "echo two"]).lines == ["one", "two"]
    assert fence("cat", "-A", stdin=["a", "", "b\\n"]).lines == ["a$", "$", "b\\n$"]
    assert fence.sh("cat; echo end").lines == ["end"]


def test_code_begins_in_its_folder(fence: Runner) -> None:
    assert fence.sh("pwd").lines == ["/"]
    assert fence.sh("pwd", directory="/pfs/out").lines == ["/pfs/out"]
    ran = fence.sh("pwd", directory="/nowhere")
    assert (ran.how, ran.why) == ("unable", "working_dir /nowhere cannot be entered: No such file or directory")


def test_exit_codes_and_signals_are_told(fence: Runner) -> None:
    ended = [fence.sh(script) for script in ("exit 0", "exit 3", "exit 255", "kill -TERM $$", "kill -ABRT $$")]
    assert [(ran.how, ran.code) for ran in ended] == [
        ("exited", 0),
        ("exited", 3),
        ("exited", 255),
        ("signaled", -15),
        ("signaled", -6),
    ]


def test_a_program_that_cannot_be_started_is_named(fence: Runner) -> None:
    assert (
        fence("no-such-program").why == "no-such-program is not there: name a program of this machine in transform.cmd"
    )
    assert fence("/etc/passwd").why.startswith("/etc/passwd may not be executed: chmod +x")
    assert fence("/pfs/in/x", inputs={"in/x": "#!/no/such/interpreter"}).how == "unable"
    assert fence().why == "nothing is to be started: name a program in transform.cmd"
    assert fence("echo", "a\0b").why == "echo cannot be started: an argument or a variable holds embedded null byte"
    assert fence("true", environment={}).how == "exited"


def test_code_that_ignores_signals_ends_with_its_time(fence: Runner) -> None:
    script = "trap '' TERM INT HUP QUIT; echo begun; while :; do sleep 1 & wait; done"
    ran = fence.sh(script, seconds=2)
    assert (ran.how, ran.why, ran.lines) == ("timeout", "it took longer than 2 seconds: raise datum_timeout", ["begun"])


def test_daemons_end_with_the_code_that_started_them(fence: Runner) -> None:
    mark = f"7{os.getpid()}.25"
    ran = fence.sh(
        f"setsid sh -c 'sleep {mark} & sleep {mark}' >/dev/null 2>&1 & setsid sleep {mark} & sleep 0.2; echo left"
    )
    assert (ran.how, ran.lines) == ("exited", ["left"])
    assert not running(mark)


def test_processes_are_counted(fence: Runner, python: str) -> None:
    code = """
import os, time
count = 0
try:
    while count < 1000:
        if os.fork() == 0:
            time.sleep(100)
        count += 1
except OSError as error:
    print(count, error.strerror)
"""
    count, _, why = fence(python, "-c", code, processes=40).lines[0].partition(" ")
    assert why == "Resource temporarily unavailable"
    assert 30 <= int(count) <= 40


def test_a_fork_bomb_ends_with_its_time_and_leaves_nothing(fence: Runner) -> None:
    mark = f"bomb{os.getpid()}"
    ran = fence.sh(f": {mark}; bomb() {{ bomb | bomb & }}; bomb; while :; do bomb; done", processes=50, seconds=2)
    assert ran.how in {"timeout", "exited"}
    assert not running(mark)
    assert fence.sh("echo well").lines == ["well"]


def test_memory_of_a_process_is_bounded(fence: Runner, python: str) -> None:
    ran = fence(python, "-c", "print('begun', flush=True); x = bytearray(300 << 20)", memory=100 << 20)
    assert ran.lines[0] == "begun"
    assert ran.lines[-1] == "MemoryError"


def test_memory_of_many_processes_together_is_bounded(fence: Runner, python: str) -> None:
    code = """
import os, time
for _ in range(6):
    if os.fork() == 0:
        x = bytearray(os.urandom(1 << 20) * 60)
        break
time.sleep(100)
"""
    ran = fence(python, "-c", code, memory=200 << 20)
    assert ran.how == "limit"
    assert ran.why.startswith(f"more than {200 << 20} bytes of memory were used: ")


def test_memory_that_is_shared_between_forks_counts_once(fence: Runner, python: str) -> None:
    code = """
import os, time
x = bytearray(os.urandom(1 << 20) * 60)
for _ in range(6):
    if os.fork() == 0:
        time.sleep(1)
        os._exit(0)
time.sleep(1)
"""
    assert fence(python, "-c", code, memory=200 << 20).how == "exited"


def test_shared_memory_is_bounded_and_new_for_each_run(fence: Runner) -> None:
    ran = fence.sh("head -c 60M /dev/zero > /dev/shm/x; ls -s /dev/shm", memory=40 << 20)
    assert any("No space left on device" in line for line in ran.lines) or ran.how == "limit"
    assert fence.sh("ls -A /dev/shm /tmp; touch /dev/shm/y /tmp/y", memory=40 << 20).lines == ["/dev/shm:", "", "/tmp:"]
    assert fence.sh("ls -A /dev/shm /tmp", memory=40 << 20).lines == ["/dev/shm:", "", "/tmp:"]


def test_a_file_that_grows_too_large_ends_the_run(fence: Runner) -> None:
    ran = fence.sh("head -c 1M /dev/zero > /pfs/out/a; exec cat /dev/zero > /pfs/out/b", disk=8 << 20)
    assert ran.how == "limit"
    # Whoever looks at all that is written may come before the kernel, which looks at each file.
    assert ran.why.startswith(("it wrote a file that is too large: ", f"more than {8 << 20} bytes were written: "))
    assert len(ran.out["b"]) <= 8 << 20


@pytest.mark.parametrize("folder", ["/pfs/out", "/tmp"])
def test_many_files_that_are_too_large_together_end_the_run(fence: Runner, folder: str) -> None:
    script = (
        f"n=0; while [ $n -lt 2000 ]; do n=$((n+1)); mkdir -p {folder}/$n; head -c 500K /dev/zero > {folder}/$n/x; done"
    )
    ran = fence.sh(script, disk=8 << 20)
    assert ran.how == "limit"
    assert ran.why.startswith(f"more than {8 << 20} bytes were written: ")


def test_a_disk_that_has_little_left_is_not_filled(fence: Runner) -> None:
    found = os.statvfs(fence.data)
    ran = fence.sh("head -c 1M /dev/zero > /pfs/out/x; sleep 60", reserve=found.f_blocks * found.f_frsize)
    assert (ran.how, "".join(ran.out.values())) == ("limit", "")
    assert re.fullmatch(
        "the disk has [0-9]+ MiB free, and [0-9]+ MiB of it are left to others: make room on it", ran.why
    )


@pytest.mark.skipif(sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="platform: one processor alone")
def test_code_has_as_many_processors_as_it_is_given(fence: Runner) -> None:
    assert fence("nproc", processors=1).lines == ["1"]
    assert fence("nproc").lines == [str(len(os.sched_getaffinity(0)))]


def test_output_may_be_any_bytes(fence: Runner) -> None:
    ran = fence.sh(r"printf 'plain\n\377\000\033x\r\n\303\244\n\nno end'; echo err >&2")
    assert ran.lines == ["plain", "\\xff\x00\x1bx", "ä", "", "no enderr"]


def test_output_without_end_is_bounded_and_its_first_and_last_lines_are_told(fence: Runner) -> None:
    ran = fence.sh("seq 1 3000000; echo last >&2", output=100_000)
    assert ran.how == "exited"
    assert ran.lines[:3] == ["1", "2", "3"]
    assert ran.lines[-2:] == ["3000000", "last"]
    assert sum(len(line) + 1 for line in ran.lines) < 110_000
    assert len([line for line in ran.lines if line.endswith("bytes of output are left out here)")]) == 1


def test_a_line_without_end_is_told_in_parts(fence: Runner) -> None:
    ran = fence.sh("head -c 40000 /dev/zero | tr '\\0' x")
    assert [len(line) for line in ran.lines] == [16384, 16384, 40000 - 2 * 16384]


def test_code_reaches_the_network_and_names(fence: Runner) -> None:
    ran = fence.sh("cat /etc/resolv.conf > /dev/null && grep -c : /proc/net/dev")
    assert ran.code == 0
