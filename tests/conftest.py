"""What every test may ask for: running servers."""
import pytest

from running import Server


@pytest.fixture(scope="module")
def server():
    """The services alone."""
    running = Server()
    yield running
    running.close()


@pytest.fixture(scope="module")
def house():
    """Services, launcher and anchors."""
    running = Server(workers=True)
    yield running
    running.close()


@pytest.fixture
def new_server():
    """Makes servers with options of their own: new_server("--listen", "::1")."""
    made = []

    def make(*options, **settings):
        made.append(Server(*options, **settings))
        return made[-1]

    yield make
    for running in made:
        running.close()
