"""What the tests of pipelines share, each server's own: AWS's client, a worker, and pipelines that go with their test."""
import pytest

from pipelines import Worker, declaration


@pytest.fixture(scope="module")
def codepipeline(server):
    return server.client("codepipeline")


@pytest.fixture(scope="module")
def worker(server):
    """It speaks the extensions, and knows all members of a declaration: Debian's boto3 does not."""
    return Worker(server)


@pytest.fixture
def make(worker):
    """Makes a pipeline of these stages and gives its name; it is deleted after the test, with its jobs."""
    names = []

    def maker(*stages, tags=None, **more):
        members = {"tags": tags} if tags else {}
        names.append(worker.call("CreatePipeline", pipeline=declaration(*stages, **more), **members)["pipeline"]["name"])
        return names[-1]
    yield maker
    for name in names:
        worker.call("DeletePipeline", name=name)
