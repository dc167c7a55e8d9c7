"""s3 by AWS's SDK for JavaScript. One run of Node does all cases (s3.mjs); each is shown by its name."""
import pytest

import sdk_run


@pytest.fixture(scope="module")
def results(server):
    return sdk_run.run("s3.mjs", server)


@pytest.mark.parametrize("name", sdk_run.cases("s3.mjs"))
def test_case(results, name):
    assert name in results, "it did not run"
    assert results[name] is None, results[name]
