"""The release path over HTTPS, by a certificate that only its owner has signed."""
import subprocess

import pytest

from story import artifact, prepare, push, status

SMOKE = "version: 0.2\nphases: {build: {commands: ['test -f site/version.txt']}}\n"


@pytest.fixture
def house(new_server, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days",
                    "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True,
                   capture_output=True)
    return new_server("--tls-cert", str(cert), "--tls-key", str(key), workers=True)


def test_push_is_released_over_tls(house, tmp_path):
    prepare(house)
    version = push(house, tmp_path, artifact("1.0.0", **{"smoke.yml": SMOKE}), "feature/tls")
    watched = house.slipway("watch", "shop", "feature/tls", "--version", version)
    assert "Succeeded" in watched
    cells = status(house, "shop", "feature/tls")["releases"][0]["environments"]
    assert cells["Dev"]["version"] == version


def test_client_that_does_not_trust_it_is_told_what_to_do(house):
    environment = house.aws_environment("dev")
    del environment["AWS_CA_BUNDLE"]
    refused = house.slipway("status", check=False, environment=environment)
    assert refused.returncode == 5 and "set AWS_CA_BUNDLE" in refused.stderr
