"""sts through boto3 and the AWS CLI."""
import base64
import datetime
import json
import uuid

import pytest
from botocore.exceptions import ClientError

from boto_calls import refused
from raw import Raw, form_request, json_request, s3_request

DEPLOY = "arn:aws:iam::{}:role/slipway-deploy"


def assume(server, account, profile="shared-services", **arguments):
    arguments = {"RoleArn": DEPLOY.format(account), "RoleSessionName": "test", **arguments}
    return server.client("sts", profile).assume_role(**arguments)


def as_session(server, service, credentials):
    return server.client(service, keys=(credentials["AccessKeyId"], credentials["SecretAccessKey"]),
                         token=credentials["SessionToken"])


@pytest.mark.parametrize("profile,account", [("shared-services", "111111111111"), ("dev", "222222222222"),
                                             ("staging", "333333333333"), ("prod", "444444444444"),
                                             ("shop-team", "555555555555")])
def test_every_first_account_has_its_key(server, profile, account):
    assert server.client("sts", profile).get_caller_identity()["Account"] == account


def test_credentials_file_is_private(server):
    assert (server.data / "credentials").stat().st_mode & 0o777 == 0o600
    assert (server.data / "slipway.db").stat().st_mode & 0o777 == 0o600


def test_session_acts_in_the_roles_account(server):
    answer = assume(server, "444444444444", RoleSessionName="deploy+1")
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::444444444444:assumed-role/slipway-deploy/deploy+1"
    credentials = answer["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA")
    left = credentials["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert 3500 < left.total_seconds() <= 3600
    identity = as_session(server, "sts", credentials).get_caller_identity()
    assert identity["Account"] == "444444444444"
    assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    queue = as_session(server, "sqs", credentials).create_queue(QueueName="made-by-session")["QueueUrl"]
    assert "/444444444444/" in queue


def test_session_needs_its_token(server):
    credentials = assume(server, "222222222222")["Credentials"]
    keys = (credentials["AccessKeyId"], credentials["SecretAccessKey"])
    for token in (None, credentials["SessionToken"] + "x"):
        mine = server.client("sts", keys=keys, token=token)
        assert refused(mine.get_caller_identity) == ("InvalidClientTokenId", 403)
    assert refused(server.client("s3", keys=keys).list_buckets) == ("InvalidAccessKeyId", 403)
    assert refused(server.client("s3", keys=keys, token="x").list_buckets) == ("InvalidToken", 400)
    other = assume(server, "222222222222")["Credentials"]["SessionToken"]
    assert refused(server.client("s3", keys=keys, token=other).list_buckets) == ("InvalidToken", 400)
    forged = base64.b64decode(credentials["SessionToken"]).replace(b'"222222222222"', b'"333333333333"')
    forged = base64.b64encode(forged).decode()
    assert refused(server.client("s3", keys=keys, token=forged).list_buckets) == ("InvalidToken", 400)


def test_long_lived_key_takes_no_token(server):
    mine = server.client("sts", keys=server.keys(), token="anything")
    assert refused(mine.get_caller_identity) == ("InvalidClientTokenId", 403)


def test_who_may_assume(server):
    assert refused(lambda: assume(server, "444444444444", "dev")) == ("AccessDenied", 403)
    assume(server, "222222222222", "dev")
    assert refused(lambda: assume(server, "999999999999")) == ("AccessDenied", 403)
    assert refused(lambda: assume(server, "222222222222", RoleArn="arn:aws:iam::222222222222:role/none")) == (
        "AccessDenied", 403)


def test_trust_policy_names_who_may(server):
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:root"}, "Action": "sts:AssumeRole"}]}
    prod = server.client("iam", "prod")
    prod.create_role(RoleName="trusting", AssumeRolePolicyDocument=json.dumps(trust))
    arn = "arn:aws:iam::444444444444:role/trusting"
    assert assume(server, "", "dev", RoleArn=arn)
    assert refused(lambda: assume(server, "", "staging", RoleArn=arn)) == ("AccessDenied", 403)
    trust["Statement"].append({"Effect": "Deny", "Principal": {"AWS": "222222222222"}, "Action": "sts:AssumeRole"})
    prod.update_assume_role_policy(RoleName="trusting", PolicyDocument=json.dumps(trust))
    assert refused(lambda: assume(server, "", "dev", RoleArn=arn)) == ("AccessDenied", 403)


def trusting(server, **statement):
    """A new role of prod's, which trusts as the statement says: its ARN."""
    name = "trusting-" + uuid.uuid4().hex[:8]
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "sts:AssumeRole", **statement}]}
    server.client("iam", "prod").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return f"arn:aws:iam::444444444444:role/{name}"


@pytest.mark.parametrize("condition,arguments,may", [
    ({"StringEquals": {"sts:ExternalId": "secret"}}, {}, False),
    ({"StringEquals": {"sts:ExternalId": "secret"}}, {"ExternalId": "Secret"}, False),
    ({"StringEquals": {"sts:ExternalId": "secret"}}, {"ExternalId": "secret"}, True),
    ({"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}, {}, False),
    ({"StringLike": {"sts:RoleSessionName": "te*"}}, {}, True),
    ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, {}, False),
    ({"Null": {"aws:MultiFactorAuthAge": "false"}}, {}, False),
    ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, {}, False),
    ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, {}, True),
    ({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::222222222222:root"}}, {}, True),
    ({"StringEquals": {"aws:PrincipalOrgID": "o-someoneelses"}}, {}, False),
    ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, {}, False),
], ids=str)
def test_conditions_of_a_trust_policy_hold(server, condition, arguments, may):
    arn = trusting(server, Condition=condition)
    if may:
        assert assume(server, "", "dev", RoleArn=arn, **arguments)
    else:
        assert refused(lambda: assume(server, "", "dev", RoleArn=arn, **arguments)) == ("AccessDenied", 403)


def test_a_session_is_known_by_its_roles_arn(server):
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "sts:AssumeRole"}]}
    server.client("iam", "dev").create_role(RoleName="ci", AssumeRolePolicyDocument=json.dumps(trust))
    ci = as_session(server, "sts", assume(server, "", "dev", RoleArn="arn:aws:iam::222222222222:role/ci")["Credentials"])
    for role, may in (("ci", True), ("c", False)):
        condition = {"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::222222222222:role/{role}"}, "Bool": {"aws:MultiFactorAuthPresent": "false"}}
        arguments = {"RoleArn": trusting(server, Condition=condition), "RoleSessionName": "test"}
        if may:
            assert ci.assume_role(**arguments)
        else:
            assert refused(lambda: ci.assume_role(**arguments)) == ("AccessDenied", 403)


def test_trust_for_another_action_lets_nobody_in(server):
    arn = trusting(server, Action="sts:TagSession")
    assert refused(lambda: assume(server, "", "dev", RoleArn=arn)) == ("AccessDenied", 403)


def test_a_denial_binds_the_roles_own_account_too(server):
    arn = trusting(server, Effect="Deny", Principal="*", Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}})
    assert refused(lambda: assume(server, "", "prod", RoleArn=arn)) == ("AccessDenied", 403)
    assert assume(server, "", "prod", RoleArn=trusting(server))
    disguised = json.dumps({"Statement": {"Effect": "Deny", "Principal": "*", "Action": "sts:*"}}).replace("Deny", "\\u0044eny")
    server.client("iam", "prod").update_assume_role_policy(RoleName=arn.split("/")[1], PolicyDocument=disguised)
    assert refused(lambda: assume(server, "", "prod", RoleArn=arn)) == ("AccessDenied", 403)


@pytest.mark.parametrize("statement,says", [
    ({"Resource": "*"}, "Has prohibited field Resource"),
    ({"NotPrincipal": {"AWS": "222222222222"}}, "Has prohibited field NotPrincipal"),
    ({"Principal": None}, "Missing required field Principal"),
    ({"Action": ["sts:AssumeRole", "s3:GetObject"]}, "may only specify STS AssumeRole actions"),
    ({"Condition": {"StringEqual": {"sts:ExternalId": "x"}}}, "Invalid Condition type : StringEqual"),
    ({"Conditions": {"StringEquals": {"sts:ExternalId": "x"}}}, "unknown field Conditions"),
    ({"Principal": {"Aws": "222222222222"}}, "Invalid principal in policy"),
], ids=str)
def test_a_trust_policy_that_is_none(server, statement, says):
    whole = {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "sts:AssumeRole", **statement}
    document = json.dumps({"Statement": [{name: value for name, value in whole.items() if value is not None}]})
    prod = server.client("iam", "prod")
    for call in (lambda: prod.create_role(RoleName="none", AssumeRolePolicyDocument=document),
                 lambda: prod.update_assume_role_policy(RoleName="slipway-deploy", PolicyDocument=document)):
        with pytest.raises(ClientError, match=says) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "MalformedPolicyDocument"


def test_a_second_factor_is_refused_rather_than_ignored(server):
    with pytest.raises(ClientError, match="MultiFactorAuthentication failed") as caught:
        assume(server, "222222222222", "dev", SerialNumber="arn:aws:iam::222222222222:mfa/me", TokenCode="123456")
    assert caught.value.response["Error"]["Code"] == "AccessDenied"


def test_sessions_end_with_their_role(server):
    prod = server.client("iam", "prod")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    prod.create_role(RoleName="short-lived", AssumeRolePolicyDocument=json.dumps(trust))
    made = assume(server, "", "prod", RoleArn="arn:aws:iam::444444444444:role/short-lived")
    mine = as_session(server, "sts", made["Credentials"])
    mine.get_caller_identity()
    prod.delete_role(RoleName="short-lived")
    assert refused(mine.get_caller_identity) == ("InvalidClientTokenId", 403)


@pytest.mark.parametrize("arguments", [
    {"RoleSessionName": "a b"}, {"RoleSessionName": "x" * 65}, {"DurationSeconds": 43201}, {"DurationSeconds": 899},
    {"RoleArn": "arn:aws:iam::2222:role/slipway-deploy"}, {"RoleArn": "arn:aws:iam::222222222222:user/somebody"},
], ids=str)
def test_bad_arguments(server, arguments):
    unchecked = server.client("sts", parameter_validation=False)
    arguments = {"RoleArn": DEPLOY.format("222222222222"), "RoleSessionName": "test", **arguments}
    assert refused(unchecked.assume_role, **arguments) == ("ValidationError", 400)


def test_duration_is_bounded_by_the_role(server):
    iam = server.client("iam")
    iam.create_role(RoleName="brief", AssumeRolePolicyDocument=json.dumps(
        {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}))
    brief = "arn:aws:iam::222222222222:role/brief"
    assert refused(lambda: assume(server, "", "dev", RoleArn=brief, DurationSeconds=3601)) == ("ValidationError", 400)
    assert assume(server, "", "dev", RoleArn=brief, DurationSeconds=3600)


def test_chained_session_lasts_an_hour_at_most(server):
    first = as_session(server, "sts", assume(server, "222222222222", DurationSeconds=7200)["Credentials"])
    arguments = {"RoleArn": DEPLOY.format("222222222222"), "RoleSessionName": "second"}
    assert refused(first.assume_role, DurationSeconds=3601, **arguments) == ("ValidationError", 400)
    assert first.assume_role(DurationSeconds=3600, **arguments)


def test_session_policy_is_refused_rather_than_ignored(server):
    with pytest.raises(ClientError) as caught:
        assume(server, "222222222222", Policy="{}")
    assert "not supported by Slipway" in caught.value.response["Error"]["Message"]


def test_expired_session(new_server):
    server = new_server()
    credentials = assume(server, "222222222222", "dev", DurationSeconds=900)["Credentials"]
    assert server.stop() == 0
    server.environment["SLIPWAY_TEST_CLOCK_OFFSET_MS"] = str(901 * 1000)
    server.start()
    keys = (credentials["AccessKeyId"], credentials["SecretAccessKey"])
    signing = {"keys": keys, "token": credentials["SessionToken"], "at": 901}
    raw = Raw(server)
    raw.send(form_request(server, b"Action=GetCallerIdentity&Version=2011-06-15", **signing))
    answer = raw.read()
    assert answer.status == 403 and "<Code>ExpiredToken</Code>" in answer.text
    raw.send(json_request(server, "AmazonSQS.ListQueues", b"{}", **signing))
    assert raw.read().type == "ExpiredTokenException"
    raw.send(s3_request(server, "GET", "/", **signing))
    assert "<Code>ExpiredToken</Code>" in raw.read().text
    raw.close()


def test_keys_and_sessions_outlive_a_restart(new_server):
    server = new_server()
    before = server.keys()
    credentials = assume(server, "222222222222", "dev")["Credentials"]
    server.kill()
    server.start()
    assert server.keys() == before
    assert as_session(server, "sts", credentials).get_caller_identity()["Account"] == "222222222222"


def test_aws_cli(server):
    identity = json.loads(server.aws("sts", "get-caller-identity", "--output", "json", profile="prod"))
    assert identity["Arn"] == "arn:aws:iam::444444444444:root"
    made = json.loads(server.aws("sts", "assume-role", "--role-arn", DEPLOY.format("333333333333"),
                                 "--role-session-name", "cli", "--output", "json", profile="shared-services"))
    assert made["Credentials"]["SessionToken"]
