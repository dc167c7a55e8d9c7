#!/usr/bin/python3
"""A job worker for a custom action type, written with boto3 alone: the same against Slipway and against AWS.

It runs actions of the type in action-type.json: it reads the input artifact (a zip), and writes a zip with manifest.json,
the SHA-256 of each file. Work is done in turns: PutJobSuccessResult with a continuationToken ends a turn, and the next
job of the same action goes on from there, on whatever worker polls first. The worker itself keeps nothing.

Source: CodePipeline User Guide, "Create and add a custom action in CodePipeline"."""
import argparse
import fnmatch
import hashlib
import io
import json
import os
import select
import signal
import socket
import zipfile

import boto3
from botocore.client import Config
from botocore.exceptions import BotoCoreError, ClientError


class Wrong(Exception):
    """The artifact or the configuration is at fault, not the worker: the action fails with these words."""


class Turn:
    """One job: one turn of an action."""

    def __init__(self, job, endpoint, files_a_turn):
        self.data, self.files_a_turn = job["data"], files_a_turn
        key = self.data["artifactCredentials"]
        # Signature Version 4 is needed for encrypted artifacts. The credentials end after an hour: each job has new ones.
        self.s3 = boto3.client("s3", endpoint_url=endpoint, aws_access_key_id=key["accessKeyId"],
                               aws_secret_access_key=key["secretAccessKey"], aws_session_token=key["sessionToken"],
                               config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))

    def place(self, kind):
        where = self.data[kind][0]["location"]["s3Location"]
        return {"Bucket": where["bucketName"], "Key": where["objectKey"]}

    def source(self):
        body = self.s3.get_object(**self.place("inputArtifacts"))["Body"].read()
        try:
            return zipfile.ZipFile(io.BytesIO(body))
        except zipfile.BadZipFile as error:
            raise Wrong(f"The input artifact is no zip file: {error}") from error

    def manifest_so_far(self):
        """What earlier turns have written to the output artifact's place."""
        if "continuationToken" not in self.data:
            return {}
        body = self.s3.get_object(**self.place("outputArtifacts"))["Body"].read()
        return json.loads(zipfile.ZipFile(io.BytesIO(body)).read("manifest.json"))

    def write(self, manifest):
        body = io.BytesIO()
        with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr("manifest.json", json.dumps(manifest, indent=2, sort_keys=True))
        self.s3.put_object(Body=body.getvalue(), **self.place("outputArtifacts"))

    def work(self):
        """The members of PutJobSuccessResult beside the job's id."""
        forbidden = self.data["actionConfiguration"].get("configuration", {}).get("Forbid")
        source, manifest = self.source(), self.manifest_so_far()
        names = [n for n in source.namelist() if not n.endswith("/")]
        found = [n for n in names if forbidden and fnmatch.fnmatch(os.path.basename(n), forbidden)]
        if found:
            raise Wrong(f"{found[0]} must not be in the artifact: it matches {forbidden}")
        for name in [n for n in names if n not in manifest][:self.files_a_turn]:
            manifest[name] = hashlib.sha256(source.read(name)).hexdigest()
        self.write(manifest)

        details = {"summary": f"{len(manifest)} of {len(names)} files", "externalExecutionId": f"worker-{os.getpid()}",
                   "percentComplete": 100 * len(manifest) // max(len(names), 1)}
        if len(manifest) < len(names):
            return {"continuationToken": str(len(manifest)), "executionDetails": details}
        return {"executionDetails": details, "outputVariables": {"Files": str(len(names))}}


class Worker:
    def __init__(self, arguments):
        self.arguments = arguments
        self.codepipeline = boto3.client("codepipeline", endpoint_url=arguments.endpoint_url)
        self.action_type = {"category": arguments.category, "owner": "Custom", "provider": arguments.provider,
                            "version": arguments.version}
        # A signal writes to one end itself. (A handler runs between any two steps of this thread: it may take no lock.)
        self.stopping, self.stop = socket.socketpair()
        self.stop.setblocking(False)

    def stop_on(self, *signals):
        signal.set_wakeup_fd(self.stop.fileno())
        for number in signals:
            signal.signal(number, lambda *_: None)  # the turn under way is finished

    def is_stopping(self, within_seconds=0):
        return bool(select.select([self.stopping], [], [], within_seconds)[0])

    def run(self):
        while not self.is_stopping():
            try:
                jobs = self.codepipeline.poll_for_jobs(actionTypeId=self.action_type, maxBatchSize=1)["jobs"]
                for job in jobs:
                    self.take(job)
            except (BotoCoreError, ClientError) as error:
                print(f"worker: {error}", flush=True)  # the service is away: the next poll may find it
                jobs = []
            if not jobs:
                self.is_stopping(self.arguments.poll_seconds)

    def take(self, job):
        """Who acknowledges first has the job; another's nonce is refused."""
        status = self.codepipeline.acknowledge_job(jobId=job["id"], nonce=job["nonce"])["status"]
        if status != "InProgress":
            return
        try:
            done = Turn(job, self.arguments.endpoint_url, self.arguments.files_a_turn).work()
        except Wrong as error:
            self.fail(job, "ConfigurationError", str(error))
        except ClientError as error:
            self.fail(job, "JobFailed", f"S3: {error}")
        else:
            self.codepipeline.put_job_success_result(jobId=job["id"], **done)
            print(f"worker: {job['id']}: {done['executionDetails']['summary']}", flush=True)

    def fail(self, job, kind, message):
        self.codepipeline.put_job_failure_result(jobId=job["id"], failureDetails={"type": kind, "message": message})
        print(f"worker: {job['id']}: {message}", flush=True)


def main():
    parser = argparse.ArgumentParser(description="Runs actions of the custom type in action-type.json.")
    parser.add_argument("--category", default="Build")
    parser.add_argument("--provider", default="Manifest")
    parser.add_argument("--version", default="1")
    parser.add_argument("--endpoint-url", default=os.environ.get("AWS_ENDPOINT_URL"), help="Slipway's; none: AWS")
    parser.add_argument("--poll-seconds", type=float, default=5)
    parser.add_argument("--files-a-turn", type=int, default=1000)
    worker = Worker(parser.parse_args())
    worker.stop_on(signal.SIGTERM, signal.SIGINT)
    worker.run()


if __name__ == "__main__":
    main()
