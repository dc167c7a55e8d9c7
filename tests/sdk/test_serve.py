"""`slipway serve` as a process: starting, stopping, its children and its files."""
import configparser
import os
import re
import signal
import sqlite3
import subprocess
import time

import pytest
from running import binary, crew_of
from raw import Raw, form_request, request, signed

WAIT_S = 20


def eventually(found):
    until = time.monotonic() + WAIT_S
    while True:
        value = found()
        if value or time.monotonic() > until:
            return value
        time.sleep(0.02)


def test_a_launcher_and_an_anchor_per_account(house):
    expected = {"launcher 111111111111", "courier 111111111111"} | {f"anchor {str(n) * 12}" for n in range(1, 6)}
    assert eventually(lambda: set(house.workers()) == expected), house.workers()


def test_killed_child_is_started_again(house):
    before = eventually(lambda: house.workers().get("anchor 222222222222"))
    os.kill(before, signal.SIGKILL)
    assert eventually(lambda: house.workers().get("anchor 222222222222") not in (None, before))


def test_killed_crew_is_started_again_with_all_its_workers(house):
    crew, before = house.crew()
    os.kill(crew, signal.SIGKILL)
    assert eventually(lambda: house.crew()[0] not in (None, crew) and set(house.workers()) == set(before))
    assert eventually(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in before.values()))


def test_workers_go_on_when_nobody_reads_what_is_logged(tmp_path):
    port = tmp_path / "port"
    server = subprocess.Popen([binary(), "serve", "--data", str(tmp_path / "data"), "--port", "0", "--port-file", str(port)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        server.stderr.close()
        crew, before = eventually(lambda: len(crew_of(server.pid)[1]) == 7 and crew_of(server.pid))
        os.kill(before["anchor 222222222222"], signal.SIGKILL)
        after = eventually(lambda: len(crew_of(server.pid)[1]) == 7 and crew_of(server.pid)[1] != before and crew_of(server.pid))
        assert after[0] == crew
        assert {name for name in before if after[1][name] != before[name]} == {"anchor 222222222222"}
    finally:
        server.terminate()
        assert server.wait(30) == 0


def test_a_worker_has_no_keys_but_its_own(house):
    ours, others = house.keys("dev")[1], house.keys("prod")[1]
    pid = eventually(lambda: house.workers().get("anchor 222222222222"))
    memory = b""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as bytes_of:
        for line in maps:
            span, rights = line.split()[:2]
            if rights.startswith("rw"):
                begin, end = (int(place, 16) for place in span.split("-"))
                bytes_of.seek(begin)
                try:
                    memory += bytes_of.read(end - begin)
                except OSError:  # [vvar] and its like
                    continue
    assert ours.encode() in memory and others.encode() not in memory


def test_account_made_at_run_time_gets_profile_and_anchor(house):
    raw = Raw(house)
    raw.send(form_request(house, b"Action=CreateLocalAccount&Version=2010-05-08&AccountId=666666666666&AccountName=qa",
                          service="iam", profile="shared-services"))
    answer = raw.read()
    raw.close()
    key = re.search("<AccessKeyId>(.*?)<", answer.text)[1]

    def profile():
        credentials = configparser.ConfigParser()
        credentials.read(house.data / "credentials")
        return credentials.has_section("qa") and credentials["qa"]["aws_access_key_id"]

    assert eventually(lambda: profile() == key)
    assert eventually(lambda: "anchor 666666666666" in house.workers())
    assert (house.data / "credentials").stat().st_mode & 0o777 == 0o600


def test_stop_ends_children_and_exits_0(new_server):
    server = new_server(workers=True)
    pids = eventually(lambda: len(server.workers()) == 7 and list(server.workers().values()))
    assert pids
    assert server.stop() == 0
    assert not any(os.path.exists(f"/proc/{pid}/exe") for pid in pids)


def test_told_again_it_stops_at_once(new_server):
    server = new_server(workers=True)
    server.client("s3").create_bucket(Bucket="slow")
    pids = eventually(lambda: len(server.workers()) == 7 and list(server.workers().values()))
    raw = Raw(server)
    headers = signed(server, "s3", "PUT", "/slow/k", {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    raw.send(request("PUT", "/slow/k", headers, length=1 << 23) + b"x" * 1000)  # the rest never comes
    server.process.terminate()
    assert eventually(lambda: "stopping" in server.log())
    server.process.terminate()
    assert server.process.wait(5) == -signal.SIGTERM
    raw.close()
    assert eventually(lambda: not any(os.path.exists(f"/proc/{pid}/exe") for pid in pids))
    server.start()
    assert server.client("s3").list_buckets()["Buckets"][0]["Name"] == "slow"


def test_children_end_when_the_server_is_killed(new_server):
    server = new_server(workers=True)
    pids = eventually(lambda: len(server.workers()) == 7 and list(server.workers().values()))
    server.kill()

    def running(pid):
        try:
            return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] not in "ZX"
        except OSError:
            return False

    assert eventually(lambda: not any(running(pid) for pid in pids))


@pytest.mark.parametrize("worker", ["anchor", "launcher"])
def test_child_of_a_server_that_ended_before_ends_too(server, tmp_path, worker):
    gone = subprocess.Popen(["true"])
    gone.wait()
    done = subprocess.run([binary(), worker, "--exit-with-parent", str(gone.pid), "--cache-dir", str(tmp_path),
                           "--endpoint-url", server.endpoint], env=server.aws_environment("shared-services"),
                          capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode == 0, done.stderr


def serve(*arguments):
    return subprocess.run([binary(), "serve", *arguments], capture_output=True, text=True, timeout=30)


def test_one_server_to_a_data_folder(server):
    second = serve("--data", str(server.data), "--port", "0")
    assert second.returncode == 1
    assert "another server uses the data folder" in second.stderr


def test_taken_port(server, tmp_path):
    second = serve("--data", str(tmp_path / "d"), "--port", str(server.port))
    assert second.returncode == 1
    assert "cannot listen on 127.0.0.1" in second.stderr and "--port" in second.stderr


@pytest.mark.parametrize("arguments,says", [
    (["--listen", "127.0.0.1", "--listen", "192.0.2.1"], "cannot listen on 192.0.2.1 port"),
    (["--listen", "localhost"], "'localhost': it is no IP address"),
    (["--tls-cert", "{file}", "--tls-key", "{file}"], "the certificate {file} and the key {file} cannot be used"),
    (["--port-file", "/nowhere/port"], "--port-file /nowhere/port cannot be written: No such file or directory"),
    (["--data", "{file}"], "the data folder {file} cannot be made: File exists. Give --data a folder"),
])
def test_what_does_not_let_it_start_is_named(tmp_path, arguments, says):
    file = tmp_path / "file"
    file.write_text("nothing of use")
    done = serve("--data", str(tmp_path / "data"), "--port", "0", *[word.format(file=file) for word in arguments])
    assert done.returncode == 1 and says.format(file=file) in done.stderr and not done.stdout


@pytest.mark.parametrize("url", ["ftp://here", "127.0.0.1:7070", "http://", "http:// here"])
def test_an_endpoint_that_is_no_url(server, url):
    assert f"--endpoint-url {url} is no URL" in serve("--endpoint-url", url).stderr
    if "://" not in url:
        return
    done = subprocess.run([binary(), "status", "--endpoint-url", url], env=server.aws_environment("shared-services"),
                          capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode == 2 and f'"{url}" is no endpoint' in done.stderr


@pytest.mark.parametrize("more,says", [
    (["--endpoint-url", "http://nowhere.invalid"], "No such host is known"),
    (["--endpoint-url", "https://127.0.0.1:{port}"], "TLS could not be agreed on"),
    (["--region", "eu-west-1"], "region (AWS_REGION, --region)"),
])
def test_what_keeps_a_command_from_its_server_is_named(server, more, says):
    done = subprocess.run([binary(), "status", *[word.format(port=server.port) for word in more]], capture_output=True,
                          env=server.aws_environment("shared-services"), text=True, timeout=WAIT_S)
    assert done.returncode in (4, 5) and says in done.stderr


@pytest.mark.parametrize("command", ["status", "--help", "--version"])
def test_output_that_is_lost_is_a_failure(server, command):
    with open("/dev/full", "w") as full:
        done = subprocess.run([binary(), command], env=server.aws_environment("shared-services"), stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=WAIT_S)
    assert done.returncode == 1 and "could not be written" in done.stderr


def test_a_damaged_database_is_said_to_be_one(tmp_path):
    (tmp_path / "slipway.db").write_bytes(b"no database" * 1000)
    done = serve("--data", str(tmp_path), "--port", "0")
    assert done.returncode == 1 and "slipway restore" in done.stderr


def test_closed_standard_streams_do_not_become_files_of_the_server(tmp_path):
    server = subprocess.Popen(["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', binary(), "serve", "--data", str(tmp_path / "d"),
                               "--port", "0", "--port-file", str(tmp_path / "port"), "--no-workers"])
    assert eventually(lambda: (tmp_path / "port").exists())
    assert [os.readlink(f"/proc/{server.pid}/fd/{fd}") for fd in range(3)] == ["/dev/null"] * 3
    server.terminate()
    assert server.wait(WAIT_S) == 0 and (tmp_path / "d" / "lock").read_bytes() == b""


def test_newer_database_is_refused(new_server):
    server = new_server()
    server.stop()
    database = sqlite3.connect(server.data / "slipway.db")
    [table] = [name for name, sql in database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
               if "version" in sql and not re.match("(iam|s3|sqs|ssm|logs|code|cloud)", name)]
    assert database.execute(f"UPDATE {table} SET version = 99 WHERE name = 'iam'").rowcount == 1
    database.commit()
    database.close()
    again = serve("--data", str(server.data), "--port", "0")
    assert again.returncode == 1
    assert "newer Slipway" in again.stderr


@pytest.mark.parametrize("arguments", [["--port", "70000"], ["--nothing"], ["word"], ["--tls-cert", "x"]])
def test_wrong_options(arguments):
    assert serve(*arguments).returncode == 2


def test_the_option_whose_value_is_wrong_is_named():
    assert "'soon' is not a value for --retain." in serve("--retain", "soon").stderr
    assert "'70000' is not a value for --port." in serve("--port=70000").stderr


def test_help():
    told = serve("--help")
    assert told.returncode == 0
    for option in ("--data", "--port", "--listen", "--tls-cert", "--port-file", "--no-workers", "Exit status"):
        assert option in told.stdout
