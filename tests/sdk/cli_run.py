"""The AWS CLI in a process that runs many commands: a line of JSON (arguments) in, a line of JSON (status, output) out.

A process of its own, since Debian's AWS CLI and boto3 do not share a botocore."""
import contextlib
import io
import json
import sys

import awscli.clidriver  # first: it decides which botocore this is
from botocore import xform_name

DRIVER = awscli.clidriver.create_clidriver()


def run(arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = DRIVER.main(arguments)
    return {"status": status, "output": out.getvalue() if status == 0 else err.getvalue()}


def operations(service):
    """The names of a service's commands."""
    return [xform_name(name, "-") for name in DRIVER.session.get_service_model(service).operation_names]


for line in sys.stdin:
    asked = json.loads(line)
    answer = operations(asked["service"]) if "service" in asked else run(asked["arguments"])
    print(json.dumps(answer), flush=True)
