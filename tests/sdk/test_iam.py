"""iam through boto3 and the AWS CLI."""
import json
import re
import urllib.parse
import uuid

import pytest
from botocore.exceptions import ClientError

from boto_calls import refused
from raw import Raw, form_request

TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::333333333333:root"}, "Action": "sts:AssumeRole"}]})
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


@pytest.fixture
def iam(server):
    return server.client("iam")


@pytest.fixture
def role(iam):
    name = "role-" + uuid.uuid4().hex[:8]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    return name


@pytest.fixture
def user(iam):
    name = "user-" + uuid.uuid4().hex[:8]
    iam.create_user(UserName=name)
    return name


# ---- roles

def test_role_as_created(iam):
    made = iam.create_role(RoleName="all", Path="/team/a/", AssumeRolePolicyDocument=TRUST, Description="words & more",
                           MaxSessionDuration=7200, Tags=[{"Key": "k", "Value": "v"}])["Role"]
    assert made["Arn"] == "arn:aws:iam::222222222222:role/team/a/all"
    assert made["RoleId"].startswith("AROA") and len(made["RoleId"]) == 21
    got = iam.get_role(RoleName="all")["Role"]
    assert got == made
    assert got["AssumeRolePolicyDocument"] == json.loads(TRUST)
    assert (got["Description"], got["MaxSessionDuration"]) == ("words & more", 7200)
    assert got["Tags"] == [{"Key": "k", "Value": "v"}]


def test_role_errors(iam, role):
    assert refused(iam.create_role, RoleName=role, AssumeRolePolicyDocument=TRUST) == ("EntityAlreadyExists", 409)
    assert refused(iam.create_role, RoleName="bad", AssumeRolePolicyDocument="{") == ("MalformedPolicyDocument", 400)
    assert refused(iam.create_role, RoleName="bad", AssumeRolePolicyDocument="{}") == ("MalformedPolicyDocument", 400)
    assert refused(iam.create_role, RoleName="a b", AssumeRolePolicyDocument=TRUST) == ("ValidationError", 400)
    assert refused(iam.create_role, RoleName="bad", Path="x", AssumeRolePolicyDocument=TRUST) == (
        "ValidationError", 400)
    assert refused(iam.get_role, RoleName="none") == ("NoSuchEntity", 404)
    assert refused(iam.delete_role, RoleName="none") == ("NoSuchEntity", 404)
    assert refused(iam.update_assume_role_policy, RoleName="none", PolicyDocument=TRUST) == ("NoSuchEntity", 404)
    assert refused(iam.update_assume_role_policy, RoleName=role, PolicyDocument="[") == (
        "MalformedPolicyDocument", 400)


def test_roles_belong_to_their_account(server, role):
    assert refused(server.client("iam", "prod").get_role, RoleName=role) == ("NoSuchEntity", 404)


def test_list_roles_in_pages(iam):
    names = {f"page-{i:02}" for i in range(7)}
    for name in names:
        iam.create_role(RoleName=name, Path="/pages/", AssumeRolePolicyDocument=TRUST)
    pages = list(iam.get_paginator("list_roles").paginate(PathPrefix="/pages/", PaginationConfig={"PageSize": 3}))
    assert [len(page["Roles"]) for page in pages] == [3, 3, 1]
    assert [role["RoleName"] for page in pages for role in page["Roles"]] == sorted(names)


def test_trust_can_be_replaced(iam, role):
    other = TRUST.replace("333333333333", "444444444444")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=other)
    assert iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"] == json.loads(other)


def test_inline_policies(iam, role):
    iam.put_role_policy(RoleName=role, PolicyName="one", PolicyDocument=json.dumps(POLICY))
    iam.put_role_policy(RoleName=role, PolicyName="two", PolicyDocument=json.dumps(POLICY))
    assert iam.get_role_policy(RoleName=role, PolicyName="one")["PolicyDocument"] == POLICY
    pages = iam.get_paginator("list_role_policies").paginate(RoleName=role, PaginationConfig={"PageSize": 1})
    assert [name for page in pages for name in page["PolicyNames"]] == ["one", "two"]
    assert refused(iam.delete_role, RoleName=role) == ("DeleteConflict", 409)
    assert refused(iam.put_role_policy, RoleName=role, PolicyName="x", PolicyDocument="no") == (
        "MalformedPolicyDocument", 400)
    assert refused(iam.put_role_policy, RoleName="none", PolicyName="x", PolicyDocument=json.dumps(POLICY)) == (
        "NoSuchEntity", 404)
    for name in ("one", "two"):
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    assert refused(iam.delete_role_policy, RoleName=role, PolicyName="one") == ("NoSuchEntity", 404)
    assert refused(iam.get_role_policy, RoleName=role, PolicyName="one") == ("NoSuchEntity", 404)
    iam.delete_role(RoleName=role)
    assert refused(iam.get_role, RoleName=role) == ("NoSuchEntity", 404)


def test_attached_policies(iam, role):
    arn = "arn:aws:iam::aws:policy/service-role/ReadOnly"
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == [
        {"PolicyName": "ReadOnly", "PolicyArn": arn}]
    assert refused(iam.delete_role, RoleName=role) == ("DeleteConflict", 409)
    iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    assert refused(iam.detach_role_policy, RoleName=role, PolicyArn=arn) == ("NoSuchEntity", 404)
    iam.delete_role(RoleName=role)


# ---- users and keys

def test_user(iam):
    made = iam.create_user(UserName="ci", Path="/build/")["User"]
    assert made["Arn"] == "arn:aws:iam::222222222222:user/build/ci"
    assert made["UserId"].startswith("AIDA")
    assert iam.get_user(UserName="ci")["User"] == made
    assert made in iam.list_users(PathPrefix="/build/")["Users"]
    assert refused(iam.create_user, UserName="ci") == ("EntityAlreadyExists", 409)
    iam.delete_user(UserName="ci")
    assert refused(iam.get_user, UserName="ci") == ("NoSuchEntity", 404)
    assert refused(iam.delete_user, UserName="ci") == ("NoSuchEntity", 404)


def test_root_user_is_its_account(iam):
    assert iam.get_user()["User"]["Arn"] == "arn:aws:iam::222222222222:root"


def test_key_works_until_it_is_deleted(server, iam, user):
    key = iam.create_access_key(UserName=user)["AccessKey"]
    keys = (key["AccessKeyId"], key["SecretAccessKey"])
    mine = server.client("sts", keys=keys)
    assert mine.get_caller_identity()["Arn"] == f"arn:aws:iam::222222222222:user/{user}"
    assert server.client("iam", keys=keys).get_user()["User"]["UserName"] == user
    assert [k["AccessKeyId"] for k in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]] == [keys[0]]
    assert refused(iam.delete_user, UserName=user) == ("DeleteConflict", 409)
    iam.delete_access_key(UserName=user, AccessKeyId=keys[0])
    assert refused(mine.get_caller_identity) == ("InvalidClientTokenId", 403)
    assert refused(iam.delete_access_key, UserName=user, AccessKeyId=keys[0]) == ("NoSuchEntity", 404)
    iam.delete_user(UserName=user)


def test_inactive_key_is_refused(server, iam, user):
    key = iam.create_access_key(UserName=user)["AccessKey"]
    mine = server.client("sts", keys=(key["AccessKeyId"], key["SecretAccessKey"]))
    mine.get_caller_identity()
    iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert refused(mine.get_caller_identity) == ("InvalidClientTokenId", 403)
    iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Active")
    mine.get_caller_identity()


def test_two_keys_at_most(iam, user):
    for _ in range(2):
        iam.create_access_key(UserName=user)
    assert refused(iam.create_access_key, UserName=user) == ("LimitExceeded", 409)
    assert refused(iam.create_access_key, UserName="none") == ("NoSuchEntity", 404)


def test_unsupported_operation_says_so(iam):
    with pytest.raises(ClientError) as caught:
        iam.create_group(GroupName="g")
    assert caught.value.response["Error"]["Code"] == "InvalidAction"
    assert "CreateGroup is not supported by Slipway" in caught.value.response["Error"]["Message"]


# ---- accounts, by requests that botocore has no model of

def account_call(server, profile="shared-services", **parameters):
    raw = Raw(server)
    body = urllib.parse.urlencode({"Version": "2010-05-08", **parameters}).encode()
    raw.send(form_request(server, body, service="iam", profile=profile))
    answer = raw.read()
    raw.close()
    return answer.status, {tag: value for tag, value in re.findall("<([A-Za-z]+)>([^<]*)</", answer.text)}, answer.text


def test_account_made_at_run_time(server):
    status, made, _ = account_call(server, Action="CreateLocalAccount", AccountId="666666666666", AccountName="qa")
    assert status == 200
    keys = (made["AccessKeyId"], made["SecretAccessKey"])
    assert server.client("sts", keys=keys).get_caller_identity()["Account"] == "666666666666"
    assert server.client("iam", keys=keys).get_role(RoleName="slipway-deploy")
    assert "<AccountName>qa</AccountName>" in account_call(server, Action="ListLocalAccounts")[2]
    status, error, _ = account_call(server, Action="CreateLocalAccount", AccountId="666666666666", AccountName="qb")
    assert (status, error["Code"]) == (409, "EntityAlreadyExists")


def test_account_with_a_given_key(server):
    status, _, _ = account_call(server, Action="CreateLocalAccount", AccountId="777777777777", AccountName="own",
                                AccessKeyId="AKIAOWNOWNOWNOWNOWNO", SecretAccessKey="own/secret+own/secret+own/secret+")
    assert status == 200
    own = server.client("sts", keys=("AKIAOWNOWNOWNOWNOWNO", "own/secret+own/secret+own/secret+"))
    assert own.get_caller_identity()["Account"] == "777777777777"


@pytest.mark.parametrize("parameters", [{"AccountId": "12", "AccountName": "n"},
                                        {"AccountId": "888888888888", "AccountName": "a b"},
                                        {"AccountId": "888888888888"},
                                        {"AccountId": "888888888888", "AccountName": "n", "AccessKeyId": "A" * 20}])
def test_bad_accounts(server, parameters):
    status, error, text = account_call(server, Action="CreateLocalAccount", **parameters)
    assert (status, error["Code"]) == (400, "ValidationError")
    assert "888888888888" not in account_call(server, Action="ListLocalAccounts")[2]


def test_only_shared_services_makes_accounts(server):
    status, error, _ = account_call(server, "dev", Action="CreateLocalAccount", AccountId="999999999999",
                                    AccountName="x")
    assert (status, error["Code"]) == (403, "AccessDenied")
    assert account_call(server, "dev", Action="ListLocalAccounts")[0] == 403


def test_aws_cli(server):
    run = lambda *a: server.aws("iam", *a, "--output", "json", profile="dev")
    run("create-user", "--user-name", "cli")
    key = json.loads(run("create-access-key", "--user-name", "cli"))["AccessKey"]
    assert key["Status"] == "Active"
    run("delete-access-key", "--user-name", "cli", "--access-key-id", key["AccessKeyId"])
    run("delete-user", "--user-name", "cli")
    failed = server.aws("iam", "get-role", "--role-name", "none", check=False)
    assert failed.returncode != 0 and "NoSuchEntity" in failed.stderr
