"""What the tests of sns share: requests that boto3's model does not know, and endpoints that receive."""
import base64
import http.server
import json
import socketserver
import threading
import urllib.parse
import xml.etree.ElementTree

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCOUNT = "222222222222"


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.code = xml.etree.ElementTree.fromstring(body).find(".//{*}Code").text


def call(server, operation, profile="shared-services", **members):
    """An operation of Slipway's own: the answer as lists of dictionaries by name."""
    data = urllib.parse.urlencode({"Action": operation, "Version": "2010-03-31", **members})
    request = AWSRequest("POST", server.endpoint + "/", data=data,
                         headers={"Content-Type": "application/x-www-form-urlencoded"})
    SigV4Auth(Credentials(*server.keys(profile)), "sns", "us-east-1").add_auth(request)
    answer = urllib3.PoolManager().request("POST", request.url, body=data, headers=dict(request.headers))
    if answer.status != 200:
        raise Refused(answer.status, answer.data)
    tree = xml.etree.ElementTree.fromstring(answer.data)
    return [{field.tag.split("}")[1]: field.text for field in member}
            for member in tree.findall(".//{http://sns.amazonaws.com/doc/2010-03-31/}member")]


def deliveries(server, profile="dev", **members):
    return call(server, "ListDeliveries", profile, **members)


class Webhook:
    """An HTTP endpoint: keeps what was posted; answers with the given statuses in turn, then 200."""

    def __init__(self, *statuses):
        self.posts, self.changed, left = [], threading.Condition(), list(statuses)
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with hook.changed:
                    hook.posts.append((self.path, dict(self.headers), body.decode()))
                    status = left.pop(0) if left else 200
                    hook.changed.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def await_posts(self, count, patience_s=20):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.posts) >= count, patience_s), self.posts
            return list(self.posts)

    def messages(self, count):
        return [json.loads(body) for _, _, body in self.await_posts(count)]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class MailSink:
    """An SMTP server: keeps (sender, recipient, text); refuses recipients that contain `refused`, and whoever does not
    log in when it has `credentials`."""

    def __init__(self, credentials=None):
        self.mails, self.changed = [], threading.Condition()
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                def say(line):
                    self.wfile.write(line.encode() + b"\r\n")
                say("220 sink")
                sender = recipient = None
                known = credentials is None
                while line := self.rfile.readline().decode().strip():
                    verb = line.split(" ")[0].upper()
                    if verb in ("EHLO", "HELO"):
                        say("250 sink" if credentials is None else "250 AUTH PLAIN")
                    elif verb == "AUTH":
                        said = line.split(" ")[2] if line.count(" ") > 1 else self.prompt(say)
                        known = base64.b64decode(said).decode() == "\0" + credentials.replace(":", "\0", 1)
                        say("235 welcome" if known else "535 who are you")
                    elif not known:
                        say("530 log in first")
                    elif verb == "MAIL":
                        sender = line.split("<")[1].split(">")[0]
                        say("250 fine")
                    elif verb == "RCPT":
                        recipient = line.split("<")[1].split(">")[0]
                        say("550 no such mailbox" if "refused" in recipient else "250 fine")
                    elif verb == "DATA":
                        say("354 go on")
                        text = b""
                        while (piece := self.rfile.readline()) != b".\r\n":
                            text += piece
                        say("250 taken")
                        with sink.changed:
                            sink.mails.append((sender, recipient, text))
                            sink.changed.notify_all()
                    elif verb == "QUIT":
                        say("221 bye")
                        return
                    else:
                        say("250 fine")

            def prompt(self, say):
                say("334 ")
                return self.rfile.readline().decode().strip()

        class Threaded(socketserver.ThreadingTCPServer):
            daemon_threads = allow_reuse_address = True

        self.server = Threaded(("127.0.0.1", 0), Handler)
        self.url = f"smtp://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def await_mails(self, count, patience_s=20):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.mails) >= count, patience_s), self.mails
            return list(self.mails)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
