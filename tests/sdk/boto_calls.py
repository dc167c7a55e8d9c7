"""What boto3 calls come to, sooner or later."""
import time

import pytest
from botocore.exceptions import ClientError


def until(look):
    end = time.monotonic() + 20
    while not look():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def refused(call, *arguments, **named):
    """Error code and status."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
