"""A bucket's settings: what it has from birth, what may be set, what S3 answers for what is not set."""
import json
import urllib.error
import urllib.request
import uuid

import pytest
from botocore.exceptions import WaiterError

from boto_calls import refused
from queues import event_queue


@pytest.mark.parametrize("read, code", [
    ("get_bucket_policy", "NoSuchBucketPolicy"), ("get_bucket_policy_status", "NoSuchBucketPolicy"),
    ("get_bucket_website", "NoSuchWebsiteConfiguration"),
    ("get_bucket_replication", "ReplicationConfigurationNotFoundError")])
def test_what_is_not_set_is_not_found(s3, bucket, read, code):
    assert refused(getattr(s3, read), Bucket=bucket) == (code, 404)
    assert refused(getattr(s3, read), Bucket="no-" + bucket) == ("NoSuchBucket", 404)


def test_what_a_bucket_is_and_stays(s3, bucket):
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "BucketOwner"})
    s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Suspended"})
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    lacks = ("NotImplemented", 501)
    assert refused(s3.put_bucket_request_payment, Bucket=bucket,
                   RequestPaymentConfiguration={"Payer": "Requester"}) == lacks
    assert refused(s3.put_bucket_accelerate_configuration, Bucket=bucket,
                   AccelerateConfiguration={"Status": "Enabled"}) == lacks
    assert refused(s3.put_bucket_logging, Bucket=bucket, BucketLoggingStatus={
        "LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": "log/"}}) == lacks


@pytest.mark.parametrize("kind", ["analytics", "inventory", "metrics", "intelligent_tiering"])
def test_configurations_that_are_never_there(s3, bucket, kind):
    listing = getattr(s3, f"list_bucket_{kind}_configurations")(Bucket=bucket)
    assert listing["IsTruncated"] is False
    assert not [name for name in listing if name.endswith("List")]
    assert refused(getattr(s3, f"get_bucket_{kind}_configuration"), Bucket=bucket, Id="x") == (
        "NoSuchConfiguration", 404)


def test_public_access_is_blocked_from_birth(s3, bucket):
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert block == dict.fromkeys(["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy",
                                   "RestrictPublicBuckets"], True)
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert block["BlockPublicAcls"] and not block["BlockPublicPolicy"]
    s3.delete_public_access_block(Bucket=bucket)
    assert refused(s3.get_public_access_block, Bucket=bucket) == ("NoSuchPublicAccessBlockConfiguration", 404)
    s3.delete_public_access_block(Bucket=bucket)


def test_ownership_is_the_bucket_owners(s3, bucket):
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": rules})
    assert refused(s3.put_bucket_ownership_controls, Bucket=bucket, OwnershipControls={
        "Rules": [{"ObjectOwnership": "ObjectWriter"}]}) == ("NotImplemented", 501)
    assert refused(s3.put_bucket_ownership_controls, Bucket=bucket, OwnershipControls={
        "Rules": [{"ObjectOwnership": "Somebody"}]}) == ("MalformedXML", 400)
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    assert refused(s3.get_bucket_ownership_controls, Bucket=bucket) == ("OwnershipControlsNotFoundError", 404)


def test_acls_are_the_owners(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="private")
    account = s3.get_bucket_acl(Bucket=bucket)["Owner"]["ID"]
    for acl in (s3.get_bucket_acl(Bucket=bucket), s3.get_object_acl(Bucket=bucket, Key="k")):
        assert acl["Grants"] == [{"Grantee": {"ID": account, "Type": "CanonicalUser"},
                                  "Permission": "FULL_CONTROL"}]
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")
    acl = s3.get_object_acl(Bucket=bucket, Key="k")
    s3.put_object_acl(Bucket=bucket, Key="k", AccessControlPolicy={"Owner": acl["Owner"], "Grants": acl["Grants"]})
    unsupported = ("AccessControlListNotSupported", 400)
    assert refused(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == unsupported
    assert refused(s3.put_object_acl, Bucket=bucket, Key="k", ACL="authenticated-read") == unsupported
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", ACL="public-read") == unsupported
    assert refused(s3.put_object_acl, Bucket=bucket, Key="k", GrantRead="id=1") == unsupported
    everyone = {"Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"},
                "Permission": "READ"}
    assert refused(s3.put_object_acl, Bucket=bucket, Key="k", AccessControlPolicy={
        "Owner": acl["Owner"], "Grants": [*acl["Grants"], everyone]}) == unsupported
    assert refused(s3.get_object_acl, Bucket=bucket, Key="missing") == ("NoSuchKey", 404)


def test_a_settings_body_is_the_one_that_was_meant(s3, bucket, server):
    def corrupt(request, **_):
        del request.headers["Content-MD5"]
        request.headers["Content-MD5"] = "1B2M2Y8AsgTpgAmY7PhCfg=="

    client = server.client("s3", profile="dev")
    client.meta.events.register("before-sign.s3.PutBucketOwnershipControls", corrupt)
    assert refused(client.put_bucket_ownership_controls, Bucket=bucket, OwnershipControls={
        "Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}) == ("BadDigest", 400)


def test_settings_go_with_their_bucket(s3, bucket):
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "i"}})
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    assert refused(s3.get_bucket_website, Bucket=bucket) == ("NoSuchWebsiteConfiguration", 404)


def test_only_the_expected_owners_bucket(s3, bucket):
    s3.head_bucket(Bucket=bucket, ExpectedBucketOwner="222222222222")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ExpectedBucketOwner="222222222222")
    for call in (s3.get_object, s3.delete_object, s3.get_object_tagging):
        assert refused(call, Bucket=bucket, Key="k", ExpectedBucketOwner="333333333333") == ("AccessDenied", 403)
    assert refused(s3.copy_object, Bucket=bucket, Key="l", CopySource=f"{bucket}/k",
                   ExpectedSourceBucketOwner="333333333333") == ("AccessDenied", 403)
    s3.get_object(Bucket=bucket, Key="k")


def test_settings_by_templates(server):
    cloudformation, s3 = (server.client(name, profile="dev") for name in ("cloudformation", "s3"))
    name = "site-" + uuid.uuid4().hex[:12]
    template = {"Resources": {
        "Site": {"Type": "AWS::S3::Bucket", "Properties": {
            "BucketName": name,
            "PublicAccessBlockConfiguration": {"BlockPublicAcls": True},
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "WebsiteConfiguration": {
                "IndexDocument": "index.html", "ErrorDocument": "error.html",
                "RoutingRules": [{"RedirectRule": {"ReplaceKeyPrefixWith": "documents/"},
                                  "RoutingRuleCondition": {"KeyPrefixEquals": "docs/"}}]}}},
        "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": {
            "Bucket": {"Ref": "Site"},
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                "Resource": {"Fn::Sub": "${Site.Arn}/*"}}]}}}}}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    website = s3.get_bucket_website(Bucket=name)
    assert website["RoutingRules"] == [{"Condition": {"KeyPrefixEquals": "docs/"},
                                        "Redirect": {"ReplaceKeyPrefixWith": "documents/"}}]
    assert website["ErrorDocument"] == {"Key": "error.html"}
    assert s3.get_bucket_policy_status(Bucket=name)["PolicyStatus"]["IsPublic"]
    del template["Resources"]["Policy"]
    del template["Resources"]["Site"]["Properties"]["WebsiteConfiguration"]
    cloudformation.update_stack(StackName=name, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert refused(s3.get_bucket_policy, Bucket=name) == ("NoSuchBucketPolicy", 404)
    assert refused(s3.get_bucket_website, Bucket=name) == ("NoSuchWebsiteConfiguration", 404)


def stack(server, profile, name, properties, resource="AWS::S3::Bucket", update=False):
    """The stack's status once it rests."""
    cloudformation = server.client("cloudformation", profile=profile)
    template = json.dumps({"Resources": {"R": {"Type": resource, "Properties": properties}}})
    (cloudformation.update_stack if update else cloudformation.create_stack)(StackName=name, TemplateBody=template)
    try:
        cloudformation.get_waiter(f"stack_{'update' if update else 'create'}_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1})
    except WaiterError:
        pass
    return cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]


def test_notifications_by_templates(server):
    s3, sqs, sns = (server.client(service, profile="dev") for service in ("s3", "sqs", "sns"))
    name = "told-" + uuid.uuid4().hex[:12]
    _, queue = event_queue(sqs, name)
    topic = sns.create_topic(Name=name)["TopicArn"]
    properties = {"BucketName": name, "NotificationConfiguration": {
        "QueueConfigurations": [{"Event": "s3:ObjectCreated:*", "Queue": queue}],
        "TopicConfigurations": [{"Event": "s3:ObjectRemoved:*", "Topic": topic, "Filter": {"S3Key": {"Rules": [
            {"Name": "prefix", "Value": "a/"}]}}}]}}
    assert stack(server, "dev", name, properties) == "CREATE_COMPLETE"
    told = s3.get_bucket_notification_configuration(Bucket=name)
    assert [c["QueueArn"] for c in told["QueueConfigurations"]] == [queue]
    assert [(c["TopicArn"], c["Filter"]["Key"]["FilterRules"][0]["Value"]) for c in told["TopicConfigurations"]] == [(topic, "a/")]


def test_rules_by_templates(server):
    s3, name = server.client("s3", profile="dev"), "rules-" + uuid.uuid4().hex[:12]
    properties = {
        "BucketName": name, "AccessControl": "Private", "VersioningConfiguration": {"Status": "Enabled"},
        "CorsConfiguration": {"CorsRules": [
            {"Id": "page", "AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://a.example"], "AllowedHeaders": ["*"],
             "ExposedHeaders": ["ETag"], "MaxAge": 60}]},
        "LifecycleConfiguration": {"Rules": [
            {"Id": "bare", "Status": "Enabled", "ExpirationInDays": 30},
            {"Id": "one", "Status": "Disabled", "TagFilters": [{"Key": "k", "Value": "v"}], "ExpirationDate": "2030-01-01T00:00:00Z"},
            {"Id": "joined", "Status": "Enabled", "Prefix": "logs/", "ObjectSizeGreaterThan": "1024",
             "TagFilters": [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "w"}],
             "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2}},
            {"Id": "old", "Status": "Enabled", "Prefix": "", "NoncurrentVersionExpirationInDays": 9,
             "ExpiredObjectDeleteMarker": True, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}]}}
    assert stack(server, "dev", name, properties) == "CREATE_COMPLETE"
    assert s3.get_bucket_cors(Bucket=name)["CORSRules"] == [
        {"ID": "page", "AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://a.example"], "AllowedHeaders": ["*"],
         "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60}]
    bare, one, joined, old = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert (bare["ID"], bare["Status"], bare["Expiration"]) == ("bare", "Enabled", {"Days": 30})
    assert one["Filter"] == {"Tag": {"Key": "k", "Value": "v"}} and one["Expiration"]["Date"].year == 2030
    assert joined["Filter"] == {"And": {"Prefix": "logs/", "ObjectSizeGreaterThan": 1024,
                                        "Tags": [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "w"}]}}
    assert joined["NoncurrentVersionExpiration"] == {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2}
    assert (old["Filter"], old["Expiration"], old["NoncurrentVersionExpiration"], old["AbortIncompleteMultipartUpload"]) == (
        {"Prefix": ""}, {"ExpiredObjectDeleteMarker": True}, {"NoncurrentDays": 9}, {"DaysAfterInitiation": 7})
    del properties["CorsConfiguration"], properties["LifecycleConfiguration"]
    assert stack(server, "dev", name, properties, update=True) == "UPDATE_COMPLETE"
    assert refused(s3.get_bucket_cors, Bucket=name) == ("NoSuchCORSConfiguration", 404)
    assert refused(s3.get_bucket_lifecycle_configuration, Bucket=name) == ("NoSuchLifecycleConfiguration", 404)


@pytest.mark.parametrize("wrong", [
    {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationInDays": 0}]}},
    {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "ExpirationDate": "tomorrow"}]}},
    {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled"}]}},
    {"CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["http://*.*"]}]}},
])
def test_rules_that_s3_does_not_take_fail_their_stack(server, wrong):
    name = "wrong-" + uuid.uuid4().hex[:12]
    assert stack(server, "dev", name, {"BucketName": name, **wrong}) == "ROLLBACK_COMPLETE"


def test_a_stack_leaves_another_accounts_bucket_alone(server):
    """That has taken the name of the stack's own, which is gone."""
    s3, others, name = server.client("s3", profile="dev"), server.client("s3", profile="staging"), "lost-" + uuid.uuid4().hex[:12]
    assert stack(server, "dev", name, {"BucketName": name}) == "CREATE_COMPLETE"
    s3.delete_bucket(Bucket=name)
    others.create_bucket(Bucket=name)
    wanted = {"BucketName": name, "VersioningConfiguration": {"Status": "Enabled"}}
    assert stack(server, "dev", name, wanted, update=True) == "UPDATE_ROLLBACK_COMPLETE"
    assert "Status" not in others.get_bucket_versioning(Bucket=name)
    cloudformation = server.client("cloudformation", profile="dev")
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    others.head_bucket(Bucket=name)


def test_a_template_sets_the_policy_of_its_accounts_buckets_only(server):
    s3, name = server.client("s3", profile="dev"), "foreign-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name)
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "333333333333"}, "Action": "s3:*", "Resource": f"arn:aws:s3:::{name}/*"}]}
    properties = {"Bucket": name, "PolicyDocument": policy}
    assert stack(server, "staging", name, properties, "AWS::S3::BucketPolicy") == "ROLLBACK_COMPLETE"
    assert refused(s3.get_bucket_policy, Bucket=name) == ("NoSuchBucketPolicy", 404)
    assert stack(server, "dev", name, properties, "AWS::S3::BucketPolicy") == "CREATE_COMPLETE"
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]) == policy


# ---- cors


def ask(server, method, path, **headers):
    request = urllib.request.Request(server.endpoint + path, method=method,
                                     headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


RULES = [
    {"ID": "site", "AllowedOrigins": ["https://*.example.com", "http://localhost:3000"],
     "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["x-amz-*", "Content-Type"],
     "ExposeHeaders": ["ETag", "x-amz-version-id"], "MaxAgeSeconds": 3000},
    {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
]


def test_cors_configurations(s3, bucket):
    assert refused(s3.get_bucket_cors, Bucket=bucket) == ("NoSuchCORSConfiguration", 404)
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == RULES
    s3.delete_bucket_cors(Bucket=bucket)
    assert refused(s3.get_bucket_cors, Bucket=bucket) == ("NoSuchCORSConfiguration", 404)
    rule = {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}
    for change, code in (({"AllowedMethods": ["PATCH"]}, "InvalidRequest"), ({"AllowedOrigins": ["*a*"]}, "InvalidRequest"),
                         ({"AllowedHeaders": ["*-*"]}, "InvalidRequest"), ({"ExposeHeaders": ["x-*"]}, "InvalidRequest"),
                         ({"AllowedMethods": []}, "MalformedXML"), ({"AllowedOrigins": []}, "MalformedXML")):
        assert refused(s3.put_bucket_cors, Bucket=bucket,
                       CORSConfiguration={"CORSRules": [{**rule, **change}]}) == (code, 400), change


def test_preflights(s3, server, bucket):
    def preflight(origin="https://www.example.com", method="PUT", headers="content-type, X-Amz-Meta-A", path="/k"):
        return ask(server, "OPTIONS", f"/{bucket}{path}", Origin=origin, Access_Control_Request_Method=method,
                   Access_Control_Request_Headers=headers)

    status, _, body = preflight()
    assert status == 403 and b"<Code>AccessForbidden</Code>" in body and b"CORS is not enabled" in body
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    status, headers, body = preflight()
    assert (status, body) == (200, b"")
    assert headers["Access-Control-Allow-Origin"] == "https://www.example.com"
    assert headers["Access-Control-Allow-Methods"] == "GET, PUT"
    assert headers["Access-Control-Allow-Headers"] == "content-type, X-Amz-Meta-A"
    assert headers["Access-Control-Expose-Headers"] == "ETag, x-amz-version-id"
    assert headers["Access-Control-Max-Age"] == "3000"
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in headers["Vary"]
    for refused in ({"origin": "https://example.org"}, {"method": "DELETE"}, {"headers": "authorization"}):
        status, headers, body = preflight(**refused)
        assert status == 403 and headers["Access-Control-Allow-Origin"] is None and b"not allowed" in body
    assert preflight(path="")[0] == 200
    assert preflight(method="HEAD", headers="", origin="https://any.where")[1]["Access-Control-Allow-Origin"] == "*"
    assert ask(server, "OPTIONS", f"/{bucket}/k")[0] == 400
    assert ask(server, "OPTIONS", f"/{bucket}/k", Origin="https://www.example.com")[0] == 400


def test_answers_to_pages_of_other_origins(s3, server, bucket):
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    signer = server.client("s3", profile="dev", signature_version="s3v4")
    path = signer.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})[len(server.endpoint):]
    headers = ask(server, "GET", path, Origin="http://localhost:3000")[1]
    assert headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert headers["Access-Control-Expose-Headers"] == "ETag, x-amz-version-id"
    assert ask(server, "GET", path, Origin="http://localhost:4000")[1]["Access-Control-Allow-Origin"] is None
    assert ask(server, "GET", path)[1]["Access-Control-Allow-Origin"] is None
    missing = signer.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "missing"})
    status, headers, _ = ask(server, "GET", missing[len(server.endpoint):], Origin="http://localhost:3000")
    assert (status, headers["Access-Control-Allow-Origin"]) == (404, "http://localhost:3000")


def test_a_page_learns_why_it_was_refused(s3, server, bucket):
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    signer = server.client("s3", profile="dev", signature_version="s3v4")
    got, put = (signer.generate_presigned_url(name, Params={"Bucket": bucket, "Key": "k"})[len(server.endpoint):]
                for name in ("get_object", "put_object"))
    for method, path, status in (("GET", got.replace("/k?", "/l?"), 403), ("PUT", put + "&versionId=1", 403),
                                 ("GET", f"/{bucket}/k?X-Amz-Algorithm=x", 400), ("GET", f"/{bucket}/k", 403)):
        answer = ask(server, method, path, Origin="http://localhost:3000")
        assert (answer[0], answer[1]["Access-Control-Allow-Origin"]) == (status, "http://localhost:3000"), path
