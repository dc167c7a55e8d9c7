"""What tests of a service share: AWS's clients, a bucket, a worker, and pipelines that go with their test."""
import uuid

import pytest

from pipelines import Worker, declaration


@pytest.fixture(scope="module")
def s3(server):
    return server.client("s3", profile="dev")


@pytest.fixture
def bucket(s3):
    name = "bucket-" + uuid.uuid4().hex[:16]
    s3.create_bucket(Bucket=name)
    return name


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
