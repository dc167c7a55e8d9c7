"""Every operation of `aws s3api`, by the AWS CLI itself; all in one process (cli_run.py), since one each would take a minute.

A step is a command, what its output must contain (or the error's code), and what later steps need of it. Words are $b,
the bucket, $dir, a folder of its own, $policy, and what was kept."""
import hashlib
import json
import pathlib
import string
import subprocess
import sys
import uuid

import pytest

OK = {}
PUBLIC = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                                    "Resource": "arn:aws:s3:::$b/*"}]}, separators=(",", ":"))
NO_SUCH = "NoSuchConfiguration"
SETTINGS = [
    ("head-bucket", OK),
    ("list-buckets", {"Owner": {}}),
    ("get-bucket-location", {"LocationConstraint": None}),
    ("put-bucket-tagging --tagging TagSet=[{Key=team,Value=blue}]", OK),
    ("get-bucket-tagging", {"TagSet": [{"Key": "team", "Value": "blue"}]}),
    ("delete-bucket-tagging", OK),
    ("get-bucket-tagging", "NoSuchTagSet"),
    ("put-bucket-cors --cors-configuration "
     "CORSRules=[{AllowedMethods=[GET],AllowedOrigins=[https://a.example],MaxAgeSeconds=60}]", OK),
    ("get-bucket-cors", {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.example"],
                                        "MaxAgeSeconds": 60}]}),
    ("delete-bucket-cors", OK),
    ("get-bucket-cors", "NoSuchCORSConfiguration"),
    ("put-bucket-lifecycle-configuration --lifecycle-configuration Rules=[{ID=r,Status=Enabled,Filter={Prefix=tmp/},Expiration={Days=3}}]", OK),
    ("get-bucket-lifecycle-configuration", {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "tmp/"},
                                                       "Expiration": {"Days": 3}}]}),
    ("delete-bucket-lifecycle", OK),
    ("get-bucket-lifecycle-configuration", "NoSuchLifecycleConfiguration"),
    ("put-bucket-lifecycle --lifecycle-configuration "
     "Rules=[{ID=old,Prefix=tmp/,Status=Enabled,Expiration={Days=2}}]", OK),
    ("get-bucket-lifecycle", {"Rules": [{"ID": "old", "Prefix": "tmp/", "Status": "Enabled", "Expiration": {"Days": 2}}]}),
    ("put-bucket-website --website-configuration "
     "IndexDocument={Suffix=index.html},ErrorDocument={Key=sorry.html}", OK),
    ("get-bucket-website", {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "sorry.html"}}),
    ("delete-bucket-website", OK),
    ("get-bucket-website", "NoSuchWebsiteConfiguration"),
    ("put-public-access-block --public-access-block-configuration BlockPublicPolicy=true", OK),
    ("get-public-access-block", {"PublicAccessBlockConfiguration": {"BlockPublicPolicy": True, "BlockPublicAcls": False}}),
    ("put-bucket-policy --policy $policy", "AccessDenied"),
    ("delete-public-access-block", OK),
    ("get-public-access-block", "NoSuchPublicAccessBlockConfiguration"),
    ("put-bucket-policy --policy $policy", OK),
    ("get-bucket-policy", {"Policy": "$policy"}),
    ("get-bucket-policy-status", {"PolicyStatus": {"IsPublic": True}}),
    ("delete-bucket-policy", OK),
    ("get-bucket-policy", "NoSuchBucketPolicy"),
    ("put-bucket-ownership-controls --ownership-controls Rules=[{ObjectOwnership=BucketOwnerEnforced}]", OK),
    ("get-bucket-ownership-controls", {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}),
    ("delete-bucket-ownership-controls", OK),
    ("get-bucket-ownership-controls", "OwnershipControlsNotFoundError"),
    ("get-bucket-encryption", "ServerSideEncryptionConfigurationNotFoundError"),
    ("put-bucket-encryption --server-side-encryption-configuration "
     "Rules=[{ApplyServerSideEncryptionByDefault={SSEAlgorithm=aws:kms}}]", "NotImplemented"),
    ("delete-bucket-encryption", OK),
    ("get-bucket-acl", {"Grants": [{"Permission": "FULL_CONTROL"}]}),
    ("put-bucket-acl --acl private", OK),
    ("put-bucket-acl --acl public-read", "AccessControlListNotSupported"),
    ("get-bucket-request-payment", {"Payer": "BucketOwner"}),
    ("put-bucket-request-payment --request-payment-configuration Payer=BucketOwner", OK),
    ("put-bucket-request-payment --request-payment-configuration Payer=Requester", "NotImplemented"),
    ("get-bucket-accelerate-configuration", OK),
    ("put-bucket-accelerate-configuration --accelerate-configuration Status=Suspended", OK),
    ("put-bucket-accelerate-configuration --accelerate-configuration Status=Enabled", "NotImplemented"),
    ("get-bucket-logging", OK),
    ("put-bucket-logging --bucket-logging-status {}", OK),
    ("get-bucket-notification-configuration", OK),
    ("put-bucket-notification-configuration --notification-configuration {}", OK),
    ("get-bucket-notification", OK),
    ("put-bucket-notification --notification-configuration {}", OK),
    ("get-bucket-replication", "ReplicationConfigurationNotFoundError"),
    ("get-bucket-analytics-configuration --id x", NO_SUCH),
    ("list-bucket-analytics-configurations", {"IsTruncated": False}),
    ("get-bucket-inventory-configuration --id x", NO_SUCH),
    ("list-bucket-inventory-configurations", {"IsTruncated": False}),
    ("get-bucket-metrics-configuration --id x", NO_SUCH),
    ("list-bucket-metrics-configurations", {"IsTruncated": False}),
    ("get-bucket-intelligent-tiering-configuration --id x", NO_SUCH),
    ("list-bucket-intelligent-tiering-configurations", {"IsTruncated": False}),
]
OBJECTS = [
    ("put-bucket-versioning --versioning-configuration Status=Enabled", OK),
    ("get-bucket-versioning", {"Status": "Enabled"}),
    ("put-object --key a/one --body $dir/body --metadata k=v --content-type text/x-one", {"ETag": "$etag"},
     {"v": "VersionId"}),
    ("head-object --key a/one", {"ContentLength": 4, "ContentType": "text/x-one", "Metadata": {"k": "v"}}),
    ("get-object --key a/one $dir/back", {"ETag": "$etag", "VersionId": "$v"}),
    ("get-object --key a/one --range bytes=1-2 $dir/back", {"ContentRange": "bytes 1-2/4", "ContentLength": 2}),
    ("get-object --key none $dir/back", "NoSuchKey"),
    ("get-object-attributes --key a/one --object-attributes ETag ObjectSize StorageClass",
     {"ETag": "$bare", "ObjectSize": 4, "StorageClass": "STANDARD"}),
    ("get-object-acl --key a/one", {"Grants": [{"Permission": "FULL_CONTROL"}]}),
    ("put-object-acl --key a/one --acl private", OK),
    ("put-object-tagging --key a/one --tagging TagSet=[{Key=k,Value=v}]", {"VersionId": "$v"}),
    ("get-object-tagging --key a/one", {"TagSet": [{"Key": "k", "Value": "v"}]}),
    ("delete-object-tagging --key a/one", {"VersionId": "$v"}),
    ("copy-object --key b/two --copy-source $b/a/one", {"CopyObjectResult": {"ETag": "$etag"}}),
    ("list-objects --prefix a/", {"Contents": [{"Key": "a/one", "Size": 4, "ETag": "$etag"}]}),
    ("list-objects-v2 --delimiter /", {"CommonPrefixes": [{"Prefix": "a/"}, {"Prefix": "b/"}]}),
    ("list-object-versions --prefix a/", {"Versions": [{"Key": "a/one", "VersionId": "$v", "IsLatest": True}]}),
    ("delete-object --key a/one", {"DeleteMarker": True}),
    ("list-object-versions --prefix a/", {"DeleteMarkers": [{"Key": "a/one", "IsLatest": True}]}),
    ("head-object --key a/one", "404"),
    ("delete-objects --delete Objects=[{Key=a/one,VersionId=$v},{Key=b/two}]",
     {"Deleted": [{"Key": "a/one", "VersionId": "$v"}, {"Key": "b/two", "DeleteMarker": True}]}),
]
PARTS = [
    ("put-object --key small --body $dir/body", {"ETag": "$etag"}),
    ("create-multipart-upload --key big", {"Bucket": "$b", "Key": "big"}, {"u": "UploadId"}),
    ("upload-part --key big --upload-id $u --part-number 1 --body $dir/part", {"ETag": "$part"}),
    ("upload-part-copy --key big --upload-id $u --part-number 2 --copy-source $b/small",
     {"CopyPartResult": {"ETag": "$etag"}}),
    ("list-parts --key big --upload-id $u", {"Parts": [{"PartNumber": 1, "Size": 5 << 20, "ETag": "$part"},
                                                        {"PartNumber": 2, "Size": 4, "ETag": "$etag"}]}),
    ("list-multipart-uploads", {"Uploads": [{"Key": "big", "UploadId": "$u"}]}),
    ("complete-multipart-upload --key big --upload-id $u --multipart-upload "
     "Parts=[{PartNumber=1,ETag=$part},{PartNumber=2,ETag=$etag}]", {"Key": "big"}),
    ("get-object --key big --part-number 2 $dir/back", {"ContentLength": 4, "PartsCount": 2}),
    ("create-multipart-upload --key dropped", {"Key": "dropped"}, {"u": "UploadId"}),
    ("abort-multipart-upload --key dropped --upload-id $u", OK),
    ("list-parts --key dropped --upload-id $u", "NoSuchUpload"),
]
LOCKS = [
    ("put-object --key kept --body $dir/body", OK, {"v": "VersionId"}),
    ("put-object-lock-configuration --object-lock-configuration "
     "ObjectLockEnabled=Enabled,Rule={DefaultRetention={Mode=GOVERNANCE,Days=1}}", OK),
    ("get-object-lock-configuration",
     {"ObjectLockConfiguration": {"Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}}),
    ("put-object-legal-hold --key kept --legal-hold Status=ON", OK),
    ("get-object-legal-hold --key kept", {"LegalHold": {"Status": "ON"}}),
    ("delete-object --key kept --version-id $v", "AccessDenied"),
    ("put-object-legal-hold --key kept --legal-hold Status=OFF", OK),
    ("put-object-retention --key kept --retention Mode=GOVERNANCE,RetainUntilDate=2099-01-01T00:00:00Z", OK),
    ("get-object-retention --key kept", {"Retention": {"Mode": "GOVERNANCE"}}),
    ("delete-object --key kept --version-id $v", "AccessDenied"),
    ("delete-object --key kept --version-id $v --bypass-governance-retention", {"VersionId": "$v"}),
    ("delete-bucket", OK),
    ("head-bucket", "404"),
]
NOT_IMPLEMENTED = [(command, "NotImplemented") for command in (
    "delete-bucket-analytics-configuration --id x",
    "delete-bucket-intelligent-tiering-configuration --id x",
    "delete-bucket-inventory-configuration --id x",
    "delete-bucket-metrics-configuration --id x",
    "delete-bucket-replication",
    "get-object-torrent --key k $dir/back",
    "put-bucket-analytics-configuration --id x --analytics-configuration Id=x,StorageClassAnalysis={}",
    "put-bucket-intelligent-tiering-configuration --id x --intelligent-tiering-configuration "
    "Id=x,Status=Enabled,Tierings=[{Days=90,AccessTier=ARCHIVE_ACCESS}]",
    "put-bucket-inventory-configuration --id x --inventory-configuration Destination={S3BucketDestination={Bucket="
    "arn:aws:s3:::x,Format=CSV}},IsEnabled=true,Id=x,IncludedObjectVersions=All,Schedule={Frequency=Daily}",
    "put-bucket-metrics-configuration --id x --metrics-configuration Id=x",
    "put-bucket-replication --replication-configuration Role=r,Rules=[{Status=Enabled,Prefix=x,Destination={Bucket="
    "arn:aws:s3:::x}}]",
    "restore-object --key k --restore-request Days=1",
    "select-object-content --key k --expression x --expression-type SQL --input-serialization CSV={} "
    "--output-serialization CSV={} $dir/back",
)]
STORIES = {"settings": SETTINGS, "objects": OBJECTS, "parts": PARTS, "locks": LOCKS, "not implemented": NOT_IMPLEMENTED}


def contains(output, wanted):
    """Whether the output has all that is wanted, with just as many elements in a list."""
    if isinstance(wanted, dict):
        return isinstance(output, dict) and all(contains(output.get(k), v) for k, v in wanted.items())
    if isinstance(wanted, list):
        return len(output or []) == len(wanted) and all(contains(o, w) for o, w in zip(output, wanted))
    return output == wanted


def filled(wanted, words):
    if isinstance(wanted, dict):
        return {k: filled(v, words) for k, v in wanted.items()}
    if isinstance(wanted, list):
        return [filled(w, words) for w in wanted]
    return string.Template(wanted).substitute(words) if isinstance(wanted, str) else wanted


@pytest.fixture(scope="module")
def runner(server):
    with subprocess.Popen([sys.executable, pathlib.Path(__file__).with_name("cli_run.py")], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, env=server.aws_environment("dev")) as process:
        def ask(**asked):
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())
        yield ask
        process.stdin.close()


@pytest.fixture
def cli(server, runner):
    """Runs one command: its output, or the error's text."""
    def run(*arguments):
        done = runner(arguments=["--endpoint-url", server.endpoint, "--output", "json", "s3api", *arguments])
        return json.loads(done["output"] or "{}") if done["status"] == 0 else done["output"]
    return run


@pytest.fixture
def words(tmp_path):
    (tmp_path / "body").write_bytes(b"body")
    (tmp_path / "part").write_bytes(b"p" * (5 << 20))
    md5 = {name: hashlib.md5((tmp_path / name).read_bytes()).hexdigest() for name in ("body", "part")}
    bucket = "api-" + uuid.uuid4().hex[:16]
    return {"b": bucket, "dir": str(tmp_path), "bare": md5["body"], "etag": f'"{md5["body"]}"', "part": f'"{md5["part"]}"',
            "policy": PUBLIC.replace("$b", bucket)}


@pytest.mark.parametrize("story", STORIES)
def test_every_operation(cli, words, story):
    cli("create-bucket", "--bucket", words["b"], *(["--object-lock-enabled-for-bucket"] if story == "locks" else []))
    for command, wanted, *kept in STORIES[story]:
        name, *arguments = (filled(word, words) for word in command.split())
        if name != "list-buckets":
            arguments = ["--bucket", words["b"], *arguments]
        output, wanted = cli(name, *arguments), filled(wanted, words)
        if isinstance(wanted, str):
            assert f"({wanted})" in output, (command, output)
        else:
            assert contains(output, wanted), (command, output, wanted)
        for word, element in (kept[0] if kept else {}).items():
            words[word] = output[element]


def test_no_operation_is_left_out(runner):
    told = {command.split()[0] for story in STORIES.values() for command, *_ in story} | {"create-bucket"}
    goes_to_another_host = {"write-get-object-response"}
    assert set(runner(service="s3")) - told == goes_to_another_host
