"""The release path over HTTPS, by a certificate that only its owner has signed."""
import subprocess

import pytest

from story import artifact, prepare, push, status

SMOKE = "version: 0.2\nphases: {build: {commands: ['test -f site/version.txt']}}\n"


def self_signed(folder, name):
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days",
                    "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True,
                   capture_output=True)
    return str(cert), str(key)


@pytest.fixture
def house(new_server, tmp_path):
    """Where the environment trusts another authority already, as in a company with a proxy."""
    cert, key = self_signed(tmp_path, "own")
    proxy, _ = self_signed(tmp_path, "proxy")
    return new_server("--tls-cert", cert, "--tls-key", key, workers=True, environment={"AWS_CA_BUNDLE": proxy})


def test_push_is_released_over_tls(house, tmp_path):
    prepare(house)
    version = push(house, tmp_path, artifact("1.0.0", **{"smoke.yml": SMOKE}), "feature/tls")
    watched = house.slipway("watch", "shop", "feature/tls", "--version", version)
    assert "Succeeded" in watched
    cells = status(house, "shop", "feature/tls")["releases"][0]["environments"]
    assert cells["Dev"]["version"] == version


def test_what_is_trusted_is_told_and_kept(house, tmp_path):
    told = house.data / "trusted.pem"
    assert f"export AWS_CA_BUNDLE={told}" in house.log()
    assert told.read_text() == (tmp_path / "own.pem").read_text() + "\n" + (tmp_path / "proxy.pem").read_text()


def test_bundle_that_cannot_be_read_is_named(new_server, tmp_path):
    cert, key = self_signed(tmp_path, "own")
    with pytest.raises(RuntimeError, match="AWS_CA_BUNDLE names, /nowhere.pem cannot be read: No such file"):
        new_server("--tls-cert", cert, "--tls-key", key, environment={"AWS_CA_BUNDLE": "/nowhere.pem"})


def test_client_that_does_not_trust_it_is_told_what_to_do(house):
    environment = house.aws_environment("dev")
    del environment["AWS_CA_BUNDLE"]
    refused = house.slipway("status", check=False, environment=environment)
    assert refused.returncode == 5 and "set AWS_CA_BUNDLE" in refused.stderr
