"""The organization that all accounts are of, by boto3; what it is for in buckets' policies."""
import json
import re
import uuid

import pytest
from botocore.exceptions import ClientError


def test_every_account_is_of_one_organization(server):
    [said] = {json.dumps(server.client("organizations", profile=profile).describe_organization()["Organization"], sort_keys=True)
              for profile in ("shared-services", "dev", "staging")}
    said = json.loads(said)
    assert re.fullmatch("o-[a-z0-9]{10,32}", said["Id"]) and said["FeatureSet"] == "ALL"
    account = server.client("sts", profile="shared-services").get_caller_identity()["Account"]
    assert said["MasterAccountId"] == account
    assert said["Arn"] == f"arn:aws:organizations::{account}:organization/{said['Id']}"


def test_a_policy_for_the_organization_is_not_public_and_names_accounts_by_where_they_may_put(server):
    s3, name = server.client("s3"), "org-" + uuid.uuid4().hex[:16]
    organization = server.client("organizations").describe_organization()["Organization"]["Id"]
    s3.create_bucket(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}/${{aws:PrincipalAccount}}/*",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": organization}}}]}))
    assert s3.get_bucket_policy_status(Bucket=name)["PolicyStatus"]["IsPublic"] is False
    staging = server.client("s3", profile="staging")
    account = server.client("sts", profile="staging").get_caller_identity()["Account"]
    staging.put_object(Bucket=name, Key=f"{account}/k", Body=b"x")
    for key in ("k", "222222222222/k", f"{account}", f"x/{account}/k"):
        with pytest.raises(ClientError, match="AccessDenied"):
            staging.put_object(Bucket=name, Key=key, Body=b"x")
