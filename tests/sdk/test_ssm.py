"""Parameters, by boto3 and the AWS CLI."""
import json
import uuid

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def ssm(server):
    return server.client("ssm", profile="dev")


@pytest.fixture
def root():
    return "/t" + uuid.uuid4().hex[:12]


def code_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_put_gives_versions_and_get_the_newest(ssm, root):
    assert ssm.put_parameter(Name=root, Value="one", Type="String")["Version"] == 1
    assert ssm.put_parameter(Name=root, Value="two", Overwrite=True)["Version"] == 2
    newest = ssm.get_parameter(Name=root)["Parameter"]
    assert (newest["Value"], newest["Version"], newest["Type"]) == ("two", 2, "String")
    assert newest["ARN"] == f"arn:aws:ssm:us-east-1:222222222222:parameter{root}"
    first = ssm.get_parameter(Name=root + ":1")["Parameter"]
    assert (first["Value"], first["Selector"]) == ("one", ":1")
    assert ssm.get_parameter(Name=newest["ARN"])["Parameter"]["Value"] == "two"


def test_put_refuses_what_the_api_refuses(ssm, root):
    ssm.put_parameter(Name=root, Value="one", Type="String")
    put = ssm.put_parameter
    assert code_of(put, Name=root, Value="x", Type="String") == "ParameterAlreadyExists"
    assert code_of(put, Name=root, Value="x", Type="StringList", Overwrite=True) == "HierarchyTypeMismatchException"
    assert code_of(put, Name=root + "/x", Value="x") == "ValidationException"
    assert code_of(put, Name=root + "/x y", Value="x", Type="String") == "ValidationException"
    assert code_of(put, Name="a/b", Value="x", Type="String") == "ValidationException"
    assert code_of(put, Name="/aws/x", Value="x", Type="String") == "ValidationException"
    assert code_of(put, Name="SSMx", Value="x", Type="String") == "ValidationException"
    assert code_of(put, Name=root + "/x" * 15, Value="x", Type="String") == "HierarchyLevelLimitExceededException"
    assert code_of(put, Name=root + "/x", Value="x" * 4097, Type="String") == "ValidationException"
    assert code_of(put, Name=root + "/x", Value="b", Type="String", AllowedPattern="a+") == "ParameterPatternMismatchException"
    assert code_of(put, Name=root + "/x", Value="b", Type="String", AllowedPattern="[a") == "InvalidAllowedPatternException"
    assert code_of(put, Name=root + "/x", Value="b", Type="Number") == "ValidationException"
    assert put(Name=root + "/x", Value="x" * 8192, Type="String", Tier="Advanced")["Tier"] == "Advanced"


def test_get_of_what_is_not_there(ssm, root):
    assert code_of(ssm.get_parameter, Name=root) == "ParameterNotFound"
    ssm.put_parameter(Name=root, Value="one", Type="String")
    assert code_of(ssm.get_parameter, Name=root + ":7") == "ParameterVersionNotFound"
    assert code_of(ssm.get_parameter, Name=root + ":prod") == "ParameterVersionNotFound"
    found = ssm.get_parameters(Names=[root, root + "/none"])
    assert [p["Name"] for p in found["Parameters"]] == [root]
    assert found["InvalidParameters"] == [root + "/none"]


def test_accounts_do_not_see_each_other(server, ssm, root):
    ssm.put_parameter(Name=root, Value="mine", Type="String")
    other = server.client("ssm", profile="prod")
    assert code_of(other.get_parameter, Name=root) == "ParameterNotFound"


def test_secure_string_is_sealed_at_rest(server, ssm, root):
    ssm.put_parameter(Name=root, Value="hunter2-" + root, Type="SecureString")
    assert ssm.get_parameter(Name=root)["Parameter"]["Value"] != "hunter2-" + root
    assert ssm.get_parameter(Name=root, WithDecryption=True)["Parameter"]["Value"] == "hunter2-" + root
    for path in server.data.rglob("slipway.db*"):
        assert b"hunter2-" + root.encode() not in path.read_bytes()
    assert (server.data / "ssm.key").stat().st_mode & 0o777 == 0o600


def test_by_path_pages_and_depth(ssm, root):
    names = [f"{root}/app/{i:02}" for i in range(12)]
    for name in names:
        ssm.put_parameter(Name=name, Value="v", Type="String")
    ssm.put_parameter(Name=f"{root}/app/deep/er", Value="v", Type="String")
    pages = list(ssm.get_paginator("get_parameters_by_path").paginate(Path=root + "/app", MaxResults=5))
    assert [len(p["Parameters"]) for p in pages] == [5, 5, 2]
    assert [p["Name"] for page in pages for p in page["Parameters"]] == names
    deep = ssm.get_parameters_by_path(Path=root, Recursive=True)
    assert len(deep["Parameters"]) == 10 and deep["NextToken"]
    assert ssm.get_parameters_by_path(Path=root)["Parameters"] == []
    assert code_of(ssm.get_parameters_by_path, Path="x") == "ValidationException"
    assert code_of(ssm.get_parameters_by_path, Path=root, NextToken="zz") == "InvalidNextToken"
    assert code_of(ssm.get_parameters_by_path, Path=root, MaxResults=11) == "ValidationException"


def test_describe_filters(ssm, root):
    ssm.put_parameter(Name=root + "/a", Value="v", Type="String", Description="first",
                      Tags=[{"Key": "team", "Value": "shop"}])
    ssm.put_parameter(Name=root + "/b", Value="v", Type="SecureString")

    def names(*filters):
        found = ssm.describe_parameters(ParameterFilters=list(filters))["Parameters"]
        return [p["Name"] for p in found if p["Name"].startswith(root)]

    below = {"Key": "Name", "Option": "BeginsWith", "Values": [root]}
    assert names(below) == [root + "/a", root + "/b"]
    assert names(below, {"Key": "Type", "Values": ["SecureString"]}) == [root + "/b"]
    assert names({"Key": "Path", "Option": "Recursive", "Values": [root]}) == [root + "/a", root + "/b"]
    assert names({"Key": "tag:team", "Values": ["shop"]}, below) == [root + "/a"]
    assert names({"Key": "KeyId", "Values": ["alias/aws/ssm"]}, below) == [root + "/b"]
    first = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [root + "/a"]}])["Parameters"][0]
    assert first["Description"] == "first" and first["LastModifiedUser"].startswith("arn:aws:iam::222222222222:")
    assert "Value" not in first
    old = ssm.describe_parameters(Filters=[{"Key": "Name", "Values": [root + "/a"]}])["Parameters"]
    assert [p["Name"] for p in old] == [root + "/a"]
    describe = ssm.describe_parameters
    assert code_of(describe, ParameterFilters=[{"Key": "Colour", "Values": ["x"]}]) == "InvalidFilterKey"
    assert code_of(describe, ParameterFilters=[{"Key": "Tier", "Option": "Contains", "Values": ["x"]}]) == "InvalidFilterOption"
    with_many = [{"Key": "Tier", "Values": ["x"] * 51}]
    assert code_of(describe, ParameterFilters=with_many) == "InvalidFilterValue"


def test_history_pages(ssm, root):
    ssm.put_parameter(Name=root, Value="0", Type="String")
    for i in range(1, 5):
        ssm.put_parameter(Name=root, Value=str(i), Overwrite=True)
    first = ssm.get_parameter_history(Name=root, MaxResults=3)
    rest = ssm.get_parameter_history(Name=root, MaxResults=3, NextToken=first["NextToken"])
    assert [p["Value"] for p in first["Parameters"] + rest["Parameters"]] == list("01234")
    assert "NextToken" not in rest
    assert code_of(ssm.get_parameter_history, Name=root + "/none") == "ParameterNotFound"
    assert code_of(ssm.get_parameter_history, Name=root, NextToken="x") == "InvalidNextToken"


def test_delete(ssm, root):
    ssm.put_parameter(Name=root, Value="v", Type="String")
    ssm.delete_parameter(Name=root)
    assert code_of(ssm.delete_parameter, Name=root) == "ParameterNotFound"
    ssm.put_parameter(Name=root, Value="v", Type="String")
    gone = ssm.delete_parameters(Names=[root, root + "/none"])
    assert (gone["DeletedParameters"], gone["InvalidParameters"]) == ([root], [root + "/none"])
    assert ssm.put_parameter(Name=root, Value="v", Type="StringList")["Version"] == 1


def test_tags(ssm, root):
    ssm.put_parameter(Name=root, Value="v", Type="String", Tags=[{"Key": "a", "Value": "1"}])
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=root, Tags=[{"Key": "b", "Value": "2"}])
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=root, TagKeys=["a"])
    listed = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=root)["TagList"]
    assert listed == [{"Key": "b", "Value": "2"}]
    many = [{"Key": f"k{i}", "Value": "v"} for i in range(51)]
    assert code_of(ssm.add_tags_to_resource, ResourceType="Parameter", ResourceId=root, Tags=many) == "TooManyTagsError"
    assert len(ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=root)["TagList"]) == 1
    assert code_of(ssm.list_tags_for_resource, ResourceType="Parameter", ResourceId=root + "/none") == "InvalidResourceId"


def test_aws_cli(server, root):
    server.aws("ssm", "put-parameter", "--name", root, "--value", "v", "--type", "String", profile="dev")
    got = json.loads(server.aws("ssm", "get-parameter", "--name", root, profile="dev"))
    assert got["Parameter"]["Value"] == "v"
