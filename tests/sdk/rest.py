"""S3 by signed requests over a socket, for what the installed boto3 does not know yet or would not send."""
import re

import raw


def ask(server, method, target, headers=(), body=b"", profile="dev"):
    client = raw.Raw(server)
    client.send(raw.s3_request(server, method, target, body, dict(headers), profile=profile))
    answer = client.read(head=method == "HEAD")
    client.close()
    return answer


def code(answer):
    """Status and error code."""
    return answer.status, re.search("<Code>(.*)</Code>", answer.text)[1]


def element(answer, name):
    """The text of the first element of that name; None: there is none."""
    found = re.search(f"<{name}>(.*?)</{name}>", answer.text, re.S)
    return found and found[1].replace("&quot;", '"').replace("&amp;", "&")
