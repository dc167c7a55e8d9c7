"""The papers say what the program does."""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def commands(binary):
    listed = subprocess.run([binary, "--help"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^  ([a-z]+)  ", listed, re.M)


@pytest.fixture(scope="module")
def binary():
    from running import binary
    return binary()


def test_operations_are_those_of_the_tables(binary):
    made = subprocess.run([pathlib.Path(binary).parent / "docs" / "operations_doc"], capture_output=True, text=True,
                          check=True).stdout
    assert made == (ROOT / "docs" / "operations.md").read_text(), "run `make docs` and commit docs/operations.md"


def test_the_diagrams_are_of_the_tables(binary):
    made = subprocess.run([pathlib.Path(binary).parent / "docs" / "states_doc"], capture_output=True, text=True,
                          check=True).stdout
    assert made == (ROOT / "docs" / "states.md").read_text(), "run `make docs` and commit docs/states.md"


def test_every_command_explains_itself(binary):
    names = commands(binary)
    assert {"serve", "anchor", "launcher", "push", "status", "watch", "explain", "history", "approve", "reject", "retry", "rollback", "stop", "logs",
            "teardown", "catalog", "template", "account"} <= set(names)
    for name in names:
        done = subprocess.run([binary, name, "--help"], capture_output=True, text=True, check=False)
        assert done.returncode == 0 and "usage: slipway " + name in done.stdout.replace("Usage", "usage"), name
        refused = subprocess.run([binary, name, "--no-such-option"], capture_output=True, text=True, check=False)
        assert refused.returncode == 2 and "no-such-option" in refused.stderr, name


def test_cli_reference_is_the_commands_own_help(binary):
    made = subprocess.run([ROOT / "scripts" / "cli-reference", binary], capture_output=True, text=True, check=True).stdout
    assert made == (ROOT / "docs" / "cli.md").read_text(), "run `make docs` and commit docs/cli.md"


def test_completion_offers_commands_and_options(binary):
    script = ROOT / "src" / "cli" / "slipway.bash"

    def complete(*words):
        line = " ".join(f"'{w}'" for w in words)
        run = f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _slipway; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        return subprocess.run(["bash", "-c", run], capture_output=True, text=True, check=True).stdout.split()

    assert set(commands(binary)) <= set(complete(binary, ""))
    assert complete(binary, "appr") == ["approve"]
    assert "--until-approval" in complete(binary, "watch", "--")
    assert complete(binary, "catalog", "a") == ["apply"]


def test_readme_names_only_targets_that_exist():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"`make ([a-z-]+)`", path.read_text()):
            assert target in targets, f"{path.name}: make {target}"


def test_links_between_papers_lead_somewhere():
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
            assert (path.parent / link).exists(), f"{path.name}: {link}"
