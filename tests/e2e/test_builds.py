"""Builds run by a real anchor: stopped, and carried on by its successor after `kill -9`."""
import ctypes
import errno
import os
import pathlib
import signal
import struct
import subprocess
import time

import pytest

from running import binary

ROLE = "arn:aws:iam::222222222222:role/slipway-deploy"
PATIENCE_S = 90


def wait_for(look, what):
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {PATIENCE_S} s: {what}")


def start(codebuild, name, *commands):
    spec = "version: 0.2\nphases:\n  build:\n    commands:\n" + "".join(f"      - {c}\n" for c in commands)
    codebuild.create_project(
        name=name, source={"type": "NO_SOURCE", "buildspec": spec}, artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "none", "computeType": "BUILD_GENERAL1_SMALL"}, serviceRole=ROLE)
    return codebuild.start_build(projectName=name)["build"]["id"]


def show(codebuild, build):
    return codebuild.batch_get_builds(ids=[build])["builds"][0]


def building(codebuild, build):
    wait_for(lambda: show(codebuild, build)["currentPhase"] == "BUILD", f"{build} reaches its BUILD phase")


def test_build_goes_on_under_a_new_anchor_after_the_first_is_killed(house):
    codebuild = house.client("codebuild", profile="dev")
    build = start(codebuild, "survivor", "sleep 4", "echo survived")
    building(codebuild, build)
    first = house.workers().get("anchor 222222222222")
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: show(codebuild, build)["buildComplete"], f"{build} ends")
    done = show(codebuild, build)
    assert done["buildStatus"] == "SUCCEEDED"
    queued = [p for p in done["phases"] if p["phaseType"] == "QUEUED"]
    assert [c["statusCode"] for c in queued[0]["contexts"]] == ["WORKER_LOST"]
    assert house.workers().get("anchor 222222222222") not in (None, first)
    logs = house.client("logs", profile="dev")
    lines = logs.filter_log_events(logGroupName="/aws/codebuild/survivor", filterPattern="survived")["events"]
    assert len([e for e in lines if e["message"].strip() == "survived"]) == 1


def test_build_of_an_anchor_that_ended_while_the_server_was_down_goes_on_at_once(new_server):
    """It could not hand back what it had: its successor says that it has ended."""
    house = new_server(workers=True)
    build = start(house.client("codebuild", profile="dev"), "orphan", "sleep 1")
    building(house.client("codebuild", profile="dev"), build)
    anchor = house.workers()["anchor 222222222222"]
    house.kill()
    wait_for(lambda: not os.path.exists(f"/proc/{anchor}/exe"), "the anchor gives up")
    house.start()
    codebuild = house.client("codebuild", profile="dev")
    wait_for(lambda: show(codebuild, build)["buildComplete"], f"{build} ends")
    queued = [p for p in show(codebuild, build)["phases"] if p["phaseType"] == "QUEUED"]
    assert [c["message"] for c in queued[0]["contexts"]] == ["The worker ended, says its successor."]


def test_stopped_build_is_killed(house):
    codebuild = house.client("codebuild", profile="dev")
    mark = f"60{os.getpid()}"
    build = start(codebuild, "endless", f"sleep {mark}")
    building(codebuild, build)

    def sleeping():
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if (entry / "cmdline").read_bytes() == f"sleep\0{mark}\0".encode():
                    return True
            except OSError:
                continue
        return False

    wait_for(sleeping, "the build's command runs")
    assert codebuild.stop_build(id=build)["build"]["buildStatus"] == "STOPPED"
    wait_for(lambda: not sleeping(), "the build's command is gone")
    assert show(codebuild, build)["buildStatus"] == "STOPPED"


def test_an_anchor_whose_slots_are_all_taken_stops_at_once(server, tmp_path):
    """Its build is handed back, not waited for."""
    codebuild = server.client("codebuild", profile="dev")
    environment = {**server.aws_environment("dev"), "AWS_ENDPOINT_URL": server.endpoint}
    anchor = subprocess.Popen([binary(), "anchor", "--jobs", "1", "--no-sandbox", "--cache-dir", str(tmp_path)], env=environment)
    try:
        build = start(codebuild, "full", "sleep 60")
        building(codebuild, build)
        anchor.terminate()
        anchor.wait(20)
        assert show(codebuild, build)["buildStatus"] == "IN_PROGRESS"
    finally:
        anchor.kill()
        anchor.wait()
    codebuild.stop_build(id=build)


def without_close_range():
    """As on Linux before 5.9: the system call is unknown (seccomp's filter is inherited)."""
    number, errno_of, allow = 436, 0x00050000 | errno.ENOSYS, 0x7FFF0000
    program = b"".join(struct.pack("HBBI", *line) for line in (
        (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, errno_of), (0x06, 0, 0, allow)))
    lines = ctypes.create_string_buffer(program)
    filters = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(lines))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, filters, 0, 0) == 0  # no new privileges; a filter


@pytest.mark.parametrize("options", [[], ["--no-sandbox"]], ids=["sandbox", "no sandbox"])
def test_builds_where_the_machine_has_no_close_range(server, tmp_path, options):
    codebuild = server.client("codebuild", profile="dev")
    environment = {**server.aws_environment("dev"), "AWS_ENDPOINT_URL": server.endpoint}
    anchor = subprocess.Popen([binary(), "anchor", *options, "--cache-dir", str(tmp_path)], env=environment,
                              preexec_fn=without_close_range)
    try:
        name = "old" + "".join(options)
        build = start(codebuild, name, "ls /proc/self/fd")
        wait_for(lambda: show(codebuild, build)["buildComplete"], f"{build} ends")
        assert show(codebuild, build)["buildStatus"] == "SUCCEEDED"
        lines = server.client("logs", profile="dev").filter_log_events(logGroupName=f"/aws/codebuild/{name}")["events"]
        assert [e["message"].strip() for e in lines if e["message"].strip().isdigit()] == ["0", "1", "2", "3"]  # 3: ls's own
    finally:
        anchor.terminate()
        anchor.wait(20)
