"""Stacks and change sets, by boto3 and the AWS CLI."""
import concurrent.futures
import json
import threading
import time
import uuid

import pytest
from botocore.exceptions import WaiterError

from pipelines import Worker
from stacks import create, invalid, outputs, parameter, refused, settled, statuses, update

ACCOUNT = "222222222222"


@pytest.fixture
def cf(server):
    return server.client("cloudformation", profile="dev")


@pytest.fixture
def ssm(server):
    return server.client("ssm", profile="dev")


@pytest.fixture
def name():
    return "s" + uuid.uuid4().hex[:10]


# ---- create, describe, delete


@pytest.mark.parametrize("word", ["NoEcho", "'NoEcho'", '"No\\u0045cho"', '"No\\x45cho"'])
def test_a_parameter_that_is_not_to_be_shown_is_not_however_that_is_written(cf, name, word):
    body = f"""
Parameters: {{Secret: {{Type: String, {word}: true}}, Word: {{Type: String, Default: hello}}}}
Resources: {{One: {{Type: AWS::SSM::Parameter, Properties: {{Type: String, Value: !Ref Word}}}}}}
"""
    cf.create_stack(StackName=name, TemplateBody=body, Parameters=[{"ParameterKey": "Secret", "ParameterValue": "xyz"}])
    cf.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    [stack] = cf.describe_stacks(StackName=name)["Stacks"]
    assert {p["ParameterKey"]: p["ParameterValue"] for p in stack["Parameters"]} == {"Secret": "****", "Word": "hello"}


def test_a_stack_that_is_looked_at_while_others_write_is_whole_and_tells_no_secret(cf, ssm, name):
    """It is looked at in the writers' turn, and its template is read afterwards and elsewhere."""
    body = """
Parameters: {Secret: {Type: String, NoEcho: true}, Word: {Type: String}}
Resources: {One: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Word}}}
Outputs: {Word: {Value: !GetAtt One.Value}}
"""

    def given(number):
        return [{"ParameterKey": "Secret", "ParameterValue": f"xyz{number}"}, {"ParameterKey": "Word", "ParameterValue": f"w{number}"}]

    create(cf, name, body, Parameters=given(0))
    over, seen = threading.Event(), []

    def write(folder):
        while not over.is_set():
            ssm.put_parameter(Name=f"/{name}/{folder}", Type="String", Value=uuid.uuid4().hex, Overwrite=True)

    def look():
        while not over.is_set():
            seen.append(cf.describe_stacks(StackName=name)["Stacks"][0])

    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = [pool.submit(write, 1), pool.submit(write, 2), pool.submit(look), pool.submit(look)]
        try:
            for number in range(1, 9):
                assert outputs(update(cf, name, body, Parameters=given(number))) == {"Word": f"w{number}"}
        finally:
            over.set()
        for one in running:
            one.result()
    told = [({p["ParameterKey"]: p["ParameterValue"] for p in stack["Parameters"]}, stack) for stack in seen]
    assert {parameters["Secret"] for parameters, _ in told} == {"****"} and "xyz" not in str(seen)
    rested = [(parameters["Word"], outputs(stack)["Word"]) for parameters, stack in told if stack["StackStatus"].endswith("E_COMPLETE")]
    assert len(set(rested)) > 1 and all(word == output for word, output in rested)


def test_a_stack_is_created_with_outputs_events_and_resources(cf, ssm, name):
    body = """
Description: two parameters
Parameters:
  Word: {Type: String, Default: hello, Description: what it says}
  Secret: {Type: String, NoEcho: true}
Resources:
  First:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !Ref Word}
  Second:
    Type: AWS::SSM::Parameter
    Properties:
      Name: !Sub '/${AWS::StackName}/second'
      Type: String
      Value: !Sub '${First}=${First.Value}'
Outputs:
  Name: {Value: !Ref Second, Description: its name}
  Where: {Value: !Join ['/', [!Ref 'AWS::Region', !Ref 'AWS::AccountId']]}
"""
    stack_id = cf.create_stack(StackName=name, TemplateBody=body, Tags=[{"Key": "team", "Value": "shop"}],
                               Parameters=[{"ParameterKey": "Secret", "ParameterValue": "xyz"}],
                               ClientRequestToken="tok-1")["StackId"]
    assert stack_id.startswith(f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/{name}/")
    cf.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    stack = cf.describe_stacks(StackName=stack_id)["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Description"] == "two parameters"
    assert {p["ParameterKey"]: p["ParameterValue"] for p in stack["Parameters"]} == {"Word": "hello", "Secret": "****"}
    assert stack["Tags"] == [{"Key": "team", "Value": "shop"}]
    assert outputs(stack) == {"Name": f"/{name}/second", "Where": f"us-east-1/{ACCOUNT}"}
    first = cf.describe_stack_resource(StackName=name, LogicalResourceId="First")["StackResourceDetail"]
    assert first["PhysicalResourceId"].startswith(f"{name}-First-")
    assert ssm.get_parameter(Name=f"/{name}/second")["Parameter"]["Value"] == first["PhysicalResourceId"] + "=hello"
    assert statuses(cf, name, "First") == ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert statuses(cf, name, name) == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    events = cf.describe_stack_events(StackName=name)["StackEvents"]
    assert {e["ClientRequestToken"] for e in events} == {"tok-1"}
    by_id = {r["LogicalResourceId"]: r for r in cf.describe_stack_resources(StackName=name)["StackResources"]}
    assert set(by_id) == {"First", "Second"}
    found = cf.describe_stack_resources(PhysicalResourceId=first["PhysicalResourceId"])["StackResources"]
    assert len(found) == 2
    listed = cf.list_stack_resources(StackName=name)["StackResourceSummaries"]
    assert [r["ResourceStatus"] for r in listed] == ["CREATE_COMPLETE"] * 2
    assert cf.get_template(StackName=name)["TemplateBody"] == body


def test_a_deleted_stack_is_found_by_id_only(cf, ssm, name):
    stack_id, _ = create(cf, name, parameter("x"))
    physical = cf.describe_stack_resources(StackName=name)["StackResources"][0]["PhysicalResourceId"]
    cf.delete_stack(StackName=name)
    cf.get_waiter("stack_delete_complete").wait(StackName=stack_id, WaiterConfig={"Delay": 1})
    assert cf.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    assert refused(cf.describe_stacks, StackName=name) == ("ValidationError", f"Stack with id {name} does not exist")
    assert refused(ssm.get_parameter, Name=physical)[0] == "ParameterNotFound"
    assert statuses(cf, stack_id, "P")[-2:] == ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    listed = cf.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    assert stack_id in [s["StackId"] for s in listed]
    cf.delete_stack(StackName=name)
    create(cf, name, parameter("again"))


def test_create_refuses_a_name_that_lives(cf, name):
    create(cf, name, parameter("x"))
    code, message = refused(cf.create_stack, StackName=name, TemplateBody=parameter("y"))
    assert code == "AlreadyExistsException" and name in message


def test_deletion_policies(cf, ssm, name):
    body = """
Resources:
  Kept:
    Type: AWS::SSM::Parameter
    DeletionPolicy: Retain
    Properties: {Type: String, Value: x}
"""
    stack_id, _ = create(cf, name, body)
    physical = cf.describe_stack_resource(StackName=name, LogicalResourceId="Kept")["StackResourceDetail"][
        "PhysicalResourceId"]
    cf.delete_stack(StackName=name)
    settled(cf, stack_id)
    assert statuses(cf, stack_id, "Kept")[-1] == "DELETE_SKIPPED"
    ssm.delete_parameter(Name=physical)
    assert "DeletionPolicy" in invalid(cf, body.replace("Retain", "Snapshot"))


def test_a_failed_delete_can_retain(server, cf, name):
    stack_id, _ = create(cf, name, "Resources: {B: {Type: AWS::S3::Bucket}}")
    bucket = cf.describe_stack_resource(StackName=name, LogicalResourceId="B")["StackResourceDetail"][
        "PhysicalResourceId"]
    s3 = server.client("s3", profile="dev")
    s3.put_object(Bucket=bucket, Key="x", Body=b"1")
    code, _ = refused(cf.delete_stack, StackName=name, RetainResources=["B"])
    assert code == "ValidationError"
    cf.delete_stack(StackName=name)
    stack = settled(cf, name)
    assert stack["StackStatus"] == "DELETE_FAILED" and "[B]" in stack["StackStatusReason"]
    cf.delete_stack(StackName=name, RetainResources=["B"])
    assert settled(cf, stack_id)["StackStatus"] == "DELETE_COMPLETE"
    s3.head_bucket(Bucket=bucket)


# ---- what is refused before anything changes


@pytest.mark.parametrize("body, says", [
    ("Resources:\n  A:\n    Type: AWS::No::Such\n", "Unrecognized resource types: [AWS::No::Such] at /Resources/A/Type (line 3)"),
    ("Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties:\n      Nme: x\n",
     "unsupported property Nme at /Resources/A/Properties/Nme (line 5)"),
    ("Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties:\n      DelaySeconds: many\n",
     "must be an Integer at /Resources/A/Properties/DelaySeconds (line 5)"),
    ("Resources:\n  A:\n    Type: AWS::SSM::Parameter\n    Properties:\n      Type: String\n", "Property Value cannot be empty"),
    ("Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !Ref Nobody\n",
     "Unresolved resource dependencies [Nobody] in the Resources block of the template at "
     "/Resources/A/Properties/QueueName/Ref (line 5)"),
    ("Resources:\n  A:\n    Type: AWS::SQS::Queue\n    DependsOn: B\n  B:\n    Type: AWS::SQS::Queue\n    DependsOn: A\n",
     "Circular dependency between resources: [A, B] at /Resources/A (line 2)"),
    ("Resources:\n  A:\n    Type: AWS::SQS::Queue\nOutputs:\n  O:\n    Value: !GetAtt A.Nope\n",
     "does not support attribute type Nope in Fn::GetAtt"),
    ("Resources: {}\n", "At least one Resources member must be defined"),
    ("Resources:\n  A: {Type: AWS::SQS::Queue}\nRules: {}\n", "Rules"),
    ("Resources:\n  A: {Type: AWS::SQS::Queue, Nope: 1}\n", "Invalid template resource property 'Nope'"),
    ("Nope: 1\nResources:\n  A: {Type: AWS::SQS::Queue}\n", "Invalid template property or properties [Nope]"),
    ("a: [1\n", "YAML not well-formed. (line"),
    ("{\"a\": ", "JSON not well-formed. (line"),
    ("just text", "unsupported structure"),
    ("Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !Sub '${B'\n", "without a }"),
    ("Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Condition: C\n", "condition is not defined"),
    ("Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName:\n", "'null' values are not allowed"),
    ("Resources:\n  A:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !ImportValue nobody\n",
     "No export named nobody found."),
    ("Resources:\n  a-b: {Type: AWS::SQS::Queue}\n", "non alphanumeric"),
    ("x: " + "[" * 10000 + "]" * 10000, "not well-formed"),
    ("Transform: AWS::Serverless-2016-10-31\nResources:\n  A: {Type: AWS::SQS::Queue}\n", "LanguageExtensions"),
])
def test_a_wrong_template_is_refused_with_path_and_line(cf, body, says):
    assert says in invalid(cf, body)


def test_limits(cf):
    many = json.dumps({"Resources": {f"Q{i}": {"Type": "AWS::SQS::Queue"} for i in range(501)}})
    assert "500" in invalid(cf, many)
    assert "51200" in invalid(cf, "#" * 51201)


@pytest.mark.parametrize("declaration, value, says", [
    ("{Type: String, AllowedPattern: '[a-z]+'}", "A1", "must match pattern [a-z]+"),
    ("{Type: String, AllowedPattern: '[a-z]+', ConstraintDescription: lower only}", "A1",
     "Parameter P failed to satisfy constraint: lower only"),
    ("{Type: String, AllowedValues: [a, b]}", "c", "must be one of AllowedValues"),
    ("{Type: String, MinLength: 3}", "ab", "must contain at least 3 characters"),
    ("{Type: String, MaxLength: 3}", "abcd", "must contain at most 3 characters"),
    ("{Type: Number}", "abc", "must be a number"),
    ("{Type: Number, MinValue: 3}", "2", "not less than 3"),
    ("{Type: Number, MaxValue: 3}", "4", "not greater than 3"),
    ("{Type: List<Number>}", "1,x", "must be a number"),
    ("{Type: Nope}", "x", "Unrecognized parameter type: Nope"),
    ("{Type: 'AWS::SSM::Parameter::Value<String>'}", "/not/there", "Unable to fetch parameters [/not/there]"),
])
def test_a_wrong_parameter_is_refused(cf, declaration, value, says):
    body = f"Parameters:\n  P: {declaration}\nResources:\n  Q: {{Type: AWS::SQS::Queue}}\n"
    assert says in invalid(cf, body, Parameters=[{"ParameterKey": "P", "ParameterValue": value}])


def test_missing_and_strange_parameters(cf):
    body = "Parameters:\n  P: {Type: String}\nResources:\n  Q: {Type: AWS::SQS::Queue}\n"
    assert invalid(cf, body) == "Parameters: [P] must have values"
    given = [{"ParameterKey": k, "ParameterValue": "x"} for k in ("P", "Z")]
    assert invalid(cf, body, Parameters=given) == "Parameters: [Z] do not exist in the template"


# ---- functions


def test_intrinsic_functions(cf, ssm, name):
    ssm.put_parameter(Name=f"/{name}/v", Value="from ssm", Type="String")
    body = """
Parameters:
  Names: {Type: CommaDelimitedList, Default: 'a, b,c'}
  Stage: {Type: String, Default: prod}
  Looked: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /%s/v}
Mappings:
  Sizes:
    prod: {Count: 3, Zones: [x, y]}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsBoth: !And [!Condition IsProd, !Not [!Equals [a, b]]]
  IsNone: !Or [!Equals [a, b], !Not [!Condition IsBoth]]
Resources:
  Q: {Type: AWS::SQS::Queue}
  Never:
    Type: AWS::SQS::Queue
    Condition: IsNone
Outputs:
  Select: {Value: !Select [1, !Ref Names]}
  Split: {Value: !Select [2, !Split ['-', 'x-y-z']]}
  Join: {Value: !Join ['+', !Ref Names]}
  Map: {Value: !FindInMap [Sizes, !Ref Stage, Count]}
  Zone: {Value: !Select [0, !FindInMap [Sizes, prod, Zones]]}
  Base: {Value: !Base64 hello}
  Cidr: {Value: !Select [1, !Cidr [10.0.0.0/16, 4, 8]]}
  Cidr6: {Value: !Select [1, !Cidr ['2001:db8::/56', 2, 64]]}
  Zones: {Value: !Select [0, !GetAZs '']}
  If: {Value: !If [IsBoth, 'yes', 'no']}
  Literal: {Value: !Sub '${!Literal}-${AWS::Partition}'}
  Mapped: {Value: !Sub ['${A}-${Stage}', {A: !Ref Stage}]}
  Looked: {Value: !Ref Looked}
  Arn: {Value: !GetAtt Q.Arn}
  Hidden: {Condition: IsNone, Value: !Ref Never}
""" % name
    _, stack = create(cf, name, body)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    got = outputs(stack)
    arn = got.pop("Arn")
    assert arn.startswith(f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}-Q-")
    assert got == {"Select": "b", "Split": "z", "Join": "a+b+c", "Map": "3", "Zone": "x", "Base": "aGVsbG8=",
                   "Cidr": "10.0.1.0/24", "Cidr6": "2001:db8:0:1::/64", "Zones": "us-east-1a", "If": "yes",
                   "Literal": "${Literal}-aws", "Mapped": "prod-prod", "Looked": "from ssm"}
    looked = [p for p in stack["Parameters"] if p["ParameterKey"] == "Looked"]
    assert looked[0]["ResolvedValue"] == "from ssm"


def test_language_extensions(cf, name):
    body = """
Transform: AWS::LanguageExtensions
Resources:
  P:
    Type: AWS::SSM::Parameter
    Properties:
      Type: String
      Value: !ToJsonString {a: !Length [1, 2, 3]}
Outputs:
  V: {Value: !GetAtt P.Value}
"""
    code, _ = refused(cf.create_stack, StackName=name, TemplateBody=body)
    assert code == "InsufficientCapabilitiesException"
    _, stack = create(cf, name, body, Capabilities=["CAPABILITY_AUTO_EXPAND"])
    assert outputs(stack) == {"V": '{"a":3}'}


def test_exports_are_imported_and_protected(cf, name):
    exporting = parameter("x", f"Outputs:\n  O: {{Value: val, Export: {{Name: {name}-e}}}}\n")
    create(cf, name, exporting)
    importing = parameter(f"!ImportValue {name}-e")
    other = name + "i"
    create(cf, other, importing)
    exports = {e["Name"]: e["Value"] for e in cf.list_exports()["Exports"]}
    assert exports[f"{name}-e"] == "val"
    assert cf.list_imports(ExportName=f"{name}-e")["Imports"] == [other]
    assert refused(cf.list_imports, ExportName="nobody")[0] == "ValidationError"
    cf.delete_stack(StackName=name)
    stack = settled(cf, name)
    assert stack["StackStatus"] == "DELETE_FAILED" and other in stack["StackStatusReason"]
    _, twin = create(cf, name + "t", exporting)
    assert twin["StackStatus"] == "ROLLBACK_COMPLETE"
    reasons = [e.get("ResourceStatusReason", "") for e in cf.describe_stack_events(StackName=name + "t")["StackEvents"]]
    assert any("already exported" in r for r in reasons)
    other_id = cf.describe_stacks(StackName=other)["Stacks"][0]["StackId"]
    cf.delete_stack(StackName=other)
    settled(cf, other_id)
    cf.delete_stack(StackName=name)


# ---- failures and rollback


def failing(extra=""):
    return f"""
Resources:
  Good:
    Type: AWS::SSM::Parameter
    Properties: {{Type: String, Value: x}}
  Bad:
    Type: AWS::S3::Bucket
    DependsOn: Good
    Properties: {{BucketName: NOT_A_NAME}}
{extra}"""


def test_a_failed_create_rolls_back(cf, ssm, name):
    stack_id, stack = create(cf, name, failing())
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert statuses(cf, name, "Bad")[:2] == ["CREATE_IN_PROGRESS", "CREATE_FAILED"]
    assert statuses(cf, name, "Good")[-1] == "DELETE_COMPLETE"
    assert statuses(cf, name, name) == ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"]
    with pytest.raises(WaiterError):
        cf.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert refused(cf.update_stack, StackName=name, TemplateBody=parameter("x"))[0] == "ValidationError"


def test_on_failure(cf, name):
    stack_id, stack = create(cf, name, failing(), OnFailure="DO_NOTHING")
    assert stack["StackStatus"] == "CREATE_FAILED"
    assert cf.describe_stack_resource(StackName=name, LogicalResourceId="Good")["StackResourceDetail"][
        "ResourceStatus"] == "CREATE_COMPLETE"
    stack_id, stack = create(cf, name + "d", failing(), OnFailure="DELETE")
    assert stack["StackStatus"] == "DELETE_COMPLETE"
    _, stack = create(cf, name + "r", failing(), DisableRollback=True)
    assert stack["StackStatus"] == "CREATE_FAILED"


def test_a_failed_update_restores_what_was(cf, ssm, name):
    body = """
Resources:
  Good:
    Type: AWS::SSM::Parameter
    Properties: {Name: /%s/good, Type: String, Value: %s}
%s
Outputs: {V: {Value: !GetAtt Good.Value}}
"""
    create(cf, name, body % (name, "one", ""))
    bad = """
  Extra: {Type: AWS::SQS::Queue}
  Bad:
    Type: AWS::S3::Bucket
    DependsOn: [Good, Extra]
    Properties: {BucketName: NOT_A_NAME}"""
    stack = update(cf, name, body % (name, "two", bad))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert ssm.get_parameter(Name=f"/{name}/good")["Parameter"]["Value"] == "one"
    assert outputs(stack) == {"V": "one"}
    left = cf.describe_stack_resources(StackName=name)["StackResources"]
    assert [r["LogicalResourceId"] for r in left] == ["Good"]
    assert "one" in cf.get_template(StackName=name)["TemplateBody"]
    assert [s for s in statuses(cf, name, name) if s.startswith("UPDATE")] == [
        "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE"]
    assert update(cf, name, body % (name, "three", ""))["StackStatus"] == "UPDATE_COMPLETE"


# ---- update


def test_update_in_place_replace_and_remove(cf, ssm, name):
    body = """
Resources:
  P:
    Type: AWS::SSM::Parameter
    Properties: {Name: /%s/%s, Type: String, Value: %s}
  User:
    Type: AWS::SSM::Parameter
    Properties: {Name: /%s/user, Type: String, Value: !Ref P}
%s"""
    queue = "  Q: {Type: AWS::SQS::Queue}\n"
    create(cf, name, body % (name, "a", "one", name, queue))
    stack = update(cf, name, body % (name, "a", "two", name, queue))
    assert stack["StackStatus"] == "UPDATE_COMPLETE" and "LastUpdatedTime" in stack
    assert ssm.get_parameter(Name=f"/{name}/a")["Parameter"]["Value"] == "two"
    update(cf, name, body % (name, "b", "two", name, ""))
    assert refused(ssm.get_parameter, Name=f"/{name}/a")[0] == "ParameterNotFound"
    assert ssm.get_parameter(Name=f"/{name}/user")["Parameter"]["Value"] == f"/{name}/b"
    assert [r["LogicalResourceId"] for r in cf.describe_stack_resources(StackName=name)["StackResources"]] == [
        "P", "User"]
    assert statuses(cf, name, "Q")[-1] == "DELETE_COMPLETE"


def test_update_refuses_what_changes_nothing(cf, name):
    create(cf, name, parameter("x"))
    assert refused(cf.update_stack, StackName=name, TemplateBody=parameter("x")) == (
        "ValidationError", "No updates are to be performed.")
    assert refused(cf.update_stack, StackName=name, UsePreviousTemplate=True)[1] == "No updates are to be performed."
    assert refused(cf.update_stack, StackName="nobody", TemplateBody=parameter("x")) == (
        "ValidationError", "Stack with id nobody does not exist")
    assert refused(cf.cancel_update_stack, StackName=name)[0] == "ValidationError"
    assert refused(cf.continue_update_rollback, StackName=name)[0] == "ValidationError"
    cf.update_stack(StackName=name, TemplateBody=parameter("y"), ClientRequestToken="t")
    settled(cf, name)
    assert refused(cf.update_stack, StackName=name, TemplateBody=parameter("z"), ClientRequestToken="t")[
        0] == "TokenAlreadyExistsException"


def test_use_previous_value(cf, ssm, name):
    body = """
Parameters: {A: {Type: String}, B: {Type: String}}
Resources:
  P:
    Type: AWS::SSM::Parameter
    Properties: {Name: /%s, Type: String, Value: !Sub '${A}${B}'}
""" % name
    create(cf, name, body, Parameters=[{"ParameterKey": k, "ParameterValue": "1"} for k in "AB"])
    cf.update_stack(StackName=name, UsePreviousTemplate=True, Parameters=[
        {"ParameterKey": "A", "UsePreviousValue": True}, {"ParameterKey": "B", "ParameterValue": "2"}])
    settled(cf, name)
    assert ssm.get_parameter(Name="/" + name)["Parameter"]["Value"] == "12"


# ---- change sets


def test_a_change_set_creates_a_stack(cf, name):
    made = cf.create_change_set(StackName=name, ChangeSetName="first", ChangeSetType="CREATE",
                                TemplateBody=parameter("x"), Description="why")
    assert settled(cf, name)["StackStatus"] == "REVIEW_IN_PROGRESS"
    cf.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"], WaiterConfig={"Delay": 1})
    shown = cf.describe_change_set(StackName=name, ChangeSetName="first")
    assert (shown["Status"], shown["ExecutionStatus"], shown["Description"]) == ("CREATE_COMPLETE", "AVAILABLE", "why")
    assert [c["ResourceChange"]["Action"] for c in shown["Changes"]] == ["Add"]
    assert [s["ChangeSetName"] for s in cf.list_change_sets(StackName=name)["Summaries"]] == ["first"]
    assert "Resources" in cf.get_template(StackName=name, ChangeSetName="first")["TemplateBody"]
    for _ in range(2):  # the same request again: its answer may have been lost
        cf.execute_change_set(ChangeSetName=made["Id"], ClientRequestToken="once")
    assert settled(cf, name)["StackStatus"] == "CREATE_COMPLETE"
    cf.execute_change_set(ChangeSetName=made["Id"], ClientRequestToken="once")
    assert refused(cf.execute_change_set, ChangeSetName=made["Id"], ClientRequestToken="twice")[0] == "InvalidChangeSetStatus"
    assert refused(cf.execute_change_set, ChangeSetName=made["Id"])[0] == "InvalidChangeSetStatus"
    begun = [e for e in cf.describe_stack_events(StackName=name)["StackEvents"]
             if (e["ResourceType"], e["ResourceStatus"]) == ("AWS::CloudFormation::Stack", "CREATE_IN_PROGRESS")]
    assert len(begun) == 1


def test_a_change_set_tells_what_changes(cf, name):
    body = """
Parameters: {V: {Type: String, Default: one}}
Resources:
  P:
    Type: AWS::SSM::Parameter
    Properties: {Name: %s, Type: String, Value: !Ref V}
  User:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !Ref P}
%s"""
    create(cf, name, body % ("/" + name, "  Old: {Type: AWS::SQS::Queue}\n"))
    cf.create_change_set(StackName=name, ChangeSetName="c", Parameters=[{"ParameterKey": "V", "ParameterValue": "2"}],
                         TemplateBody=body % ("/" + name + "b", "  New: {Type: AWS::SQS::Queue}\n"))
    changes = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"]
               for c in cf.describe_change_set(StackName=name, ChangeSetName="c")["Changes"]}
    assert {k: v["Action"] for k, v in changes.items()} == {"P": "Modify", "User": "Modify", "Old": "Remove",
                                                           "New": "Add"}
    assert changes["P"]["Replacement"] == "True" and changes["P"]["Scope"] == ["Properties"]
    sources = {d["Target"]["Name"]: (d["ChangeSource"], d["Target"]["RequiresRecreation"])
               for d in changes["P"]["Details"]}
    assert sources == {"Name": ("DirectModification", "Always"), "Value": ("ParameterReference", "Never")}
    assert changes["User"]["Replacement"] == "False"
    detail = changes["User"]["Details"][0]
    assert (detail["ChangeSource"], detail["CausingEntity"], detail["Evaluation"]) == ("ResourceReference", "P",
                                                                                      "Dynamic")
    cf.delete_change_set(StackName=name, ChangeSetName="c")
    assert refused(cf.describe_change_set, StackName=name, ChangeSetName="c")[0] == "ChangeSetNotFound"


def test_a_change_set_without_changes_fails(cf, name):
    create(cf, name, parameter("x"))
    cf.create_change_set(StackName=name, ChangeSetName="same", TemplateBody=parameter("x"))
    shown = cf.describe_change_set(StackName=name, ChangeSetName="same")
    assert (shown["Status"], shown["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert shown["StatusReason"].startswith("The submitted information didn't contain changes.")
    assert refused(cf.execute_change_set, StackName=name, ChangeSetName="same")[0] == "InvalidChangeSetStatus"


def test_change_sets_refuse(cf, name):
    assert refused(cf.create_change_set, StackName=name, ChangeSetName="c", TemplateBody=parameter("x"))[
        0] == "ValidationError"
    assert refused(cf.create_change_set, StackName=name, ChangeSetName="c", ChangeSetType="IMPORT",
                   TemplateBody=parameter("x"))[0] == "ValidationError"
    create(cf, name, parameter("x"))
    cf.create_change_set(StackName=name, ChangeSetName="c", TemplateBody=parameter("y"))
    assert refused(cf.create_change_set, StackName=name, ChangeSetName="c", TemplateBody=parameter("y"))[
        0] == "AlreadyExistsException"
    assert refused(cf.create_change_set, StackName=name, ChangeSetName="d", ChangeSetType="CREATE",
                   TemplateBody=parameter("y"))[0] == "ValidationError"


# ---- templates


def test_validate_and_summary(cf):
    body = """
Description: d
Parameters: {V: {Type: String, Default: one, NoEcho: true, AllowedValues: [one, two]}}
Resources:
  R:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {}}
"""
    valid = cf.validate_template(TemplateBody=body)
    assert valid["Capabilities"] == ["CAPABILITY_IAM"] and valid["Parameters"][0]["NoEcho"] is True
    summary = cf.get_template_summary(TemplateBody=body)
    assert summary["ResourceTypes"] == ["AWS::IAM::Role"]
    assert summary["Parameters"][0]["ParameterConstraints"]["AllowedValues"] == ["one", "two"]
    assert refused(cf.validate_template, TemplateBody="{}")[0] == "ValidationError"
    assert refused(cf.validate_template)[0] == "ValidationError"


def test_template_url(server, cf, name):
    s3 = server.client("s3", profile="dev")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a b/t.yaml", Body=("#" * 60000 + "\n" + parameter("x")).encode())
    cf.create_stack(StackName=name, TemplateURL=f"{server.endpoint}/{name}/a%20b/t.yaml")
    assert settled(cf, name)["StackStatus"] == "CREATE_COMPLETE"
    for url in (f"https://{name}.s3.amazonaws.com/none", f"https://s3.amazonaws.com/{name}/none", "nonsense"):
        assert refused(cf.create_stack, StackName=name + "x", TemplateURL=url)[0] == "ValidationError"


def test_a_template_url_is_read_as_the_caller_reads_it(server, cf, name):
    s3 = server.client("s3", profile="prod")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="t.yaml", Body=parameter("x").encode())
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "444444444444"}, "Action": "s3:*", "Resource": f"arn:aws:s3:::{name}/*"}]}))
    url = f"{server.endpoint}/{name}/t.yaml"
    for call in (cf.get_template_summary, cf.validate_template):
        assert refused(call, TemplateURL=url) == ("ValidationError", "S3 error: Access Denied")
    own = server.client("cloudformation", profile="prod")
    assert own.get_template_summary(TemplateURL=url)["ResourceTypes"] == ["AWS::SSM::Parameter"]


# ---- resource types


QUEUE_POLICY = """
Resources:
  A: {{Type: AWS::SQS::Queue}}
  B: {{Type: AWS::SQS::Queue}}
  Policy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: {queues}
      PolicyDocument: {{Version: "2012-10-17", Statement: [{{Effect: Allow, Principal: "*", Action: {action}, Resource: "*"}}]}}
Outputs: {{A: {{Value: !Ref A}}, B: {{Value: !Ref B}}}}
"""


def test_tags_and_whose_dead_letters_of_a_queue(server, cf, name):
    sqs = server.client("sqs")

    def shown(stack):
        url = outputs(stack)["Q"]
        return (sqs.list_queue_tags(QueueUrl=url).get("Tags"),
                sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedriveAllowPolicy"]).get("Attributes"))

    body = "Resources: {{Q: {{Type: AWS::SQS::Queue, Properties: {{{0}}}}}}}\nOutputs: {{Q: {{Value: !Ref Q}}}}\n"
    _, stack = create(cf, name, body.format("Tags: [{Key: a, Value: b}], RedriveAllowPolicy: {redrivePermission: denyAll}"))
    assert shown(stack) == ({"a": "b"}, {"RedriveAllowPolicy": '{"redrivePermission":"denyAll"}'})
    stack = update(cf, name, body.format("Tags: [{Key: c, Value: d}]"))
    assert stack["StackStatus"] == "UPDATE_COMPLETE" and shown(stack) == ({"c": "d"}, None)
    assert update(cf, name, body.format("RedriveAllowPolicy: {redrivePermission: no}"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert shown(stack) == ({"c": "d"}, None)
    assert shown(update(cf, name, body.format("VisibilityTimeout: 9"))) == (None, None)


def test_queue_policies_of_a_stack(server, cf, name):
    sqs = server.client("sqs")

    def actions(stack):
        texts = [sqs.get_queue_attributes(QueueUrl=outputs(stack)[q], AttributeNames=["Policy"]).get("Attributes", {})
                 .get("Policy") for q in "AB"]
        return [text and json.loads(text)["Statement"][0]["Action"] for text in texts]

    def body(queues, action="sqs:SendMessage"):
        return QUEUE_POLICY.format(queues=queues, action=action)

    _, stack = create(cf, name, body("[!Ref A, !Ref B]"))
    assert stack["StackStatus"] == "CREATE_COMPLETE" and actions(stack) == ["sqs:SendMessage"] * 2
    stack = update(cf, name, body("[!Ref B]", "sqs:*"))
    assert stack["StackStatus"] == "UPDATE_COMPLETE" and actions(stack) == [None, "sqs:*"]
    stack = update(cf, name, body("[!Ref B]", "s3:*"))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE" and actions(stack) == [None, "sqs:*"]
    foreign = server.client("sqs", profile="prod").create_queue(QueueName=name)["QueueUrl"]
    assert update(cf, name, body(f"['{foreign}']"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    stack = update(cf, name, body("[]").split("  Policy:")[0] + "Outputs:" + body("").split("Outputs:")[1])
    assert stack["StackStatus"] == "UPDATE_COMPLETE" and actions(stack) == [None, None]


def test_every_resource_type(server, cf, name):
    body = """
Resources:
  Dlq: {Type: AWS::SQS::Queue}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 45
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dlq.Arn, maxReceiveCount: 5}
  Policy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Version: 2012-10-17
        Statement:
        - {Effect: Allow, Principal: {Service: s3.amazonaws.com}, Action: sqs:SendMessage, Resource: !GetAtt Queue.Arn,
           Condition: {StringEquals: {'aws:SourceAccount': !Ref AWS::AccountId}}}
  Bucket:
    Type: AWS::S3::Bucket
    DependsOn: Policy
    Properties:
      VersioningConfiguration: {Status: Enabled}
      WebsiteConfiguration: {IndexDocument: index.html}
      Tags: [{Key: a, Value: b}]
      NotificationConfiguration:
        QueueConfigurations:
        - Event: s3:ObjectCreated:*
          Queue: !GetAtt Queue.Arn
          Filter: {S3Key: {Rules: [{Name: suffix, Value: .zip}]}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: {Service: codebuild.amazonaws.com}, Action: sts:AssumeRole}]
      Policies:
      - PolicyName: p
        PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: '*', Resource: '*'}]}
  Project:
    Type: AWS::CodeBuild::Project
    Properties:
      ServiceRole: !GetAtt Role.Arn
      Source: {Type: S3, Location: !Sub '${Bucket}/x.zip', BuildSpec: 'version: 0.2'}
      Artifacts: {Type: NO_ARTIFACTS}
      Environment: {Type: LINUX_CONTAINER, Image: x, ComputeType: BUILD_GENERAL1_SMALL,
        EnvironmentVariables: [{Name: A, Value: 1}]}
Outputs:
  Bucket: {Value: !Ref Bucket}
  Url: {Value: !Ref Queue}
  Role: {Value: !GetAtt Role.Arn}
  Project: {Value: !Ref Project}
  Website: {Value: !GetAtt Bucket.WebsiteURL}
"""
    assert refused(cf.create_stack, StackName=name, TemplateBody=body)[0] == "InsufficientCapabilitiesException"
    stack_id, stack = create(cf, name, body, Capabilities=["CAPABILITY_IAM"])
    assert stack["StackStatus"] == "CREATE_COMPLETE", cf.describe_stack_events(StackName=name)["StackEvents"][:4]
    out = outputs(stack)
    s3, sqs = server.client("s3", profile="dev"), server.client("sqs", profile="dev")
    assert s3.get_bucket_versioning(Bucket=out["Bucket"])["Status"] == "Enabled"
    attributes = sqs.get_queue_attributes(QueueUrl=out["Url"], AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "45" and "maxReceiveCount" in attributes["RedrivePolicy"]
    assert out["Website"].endswith("/" + out["Bucket"])
    role = server.client("iam", profile="dev").get_role(RoleName=out["Role"].split("/")[-1])["Role"]
    assert role["Arn"] == out["Role"]
    project = server.client("codebuild", profile="dev").batch_get_projects(names=[out["Project"]])["projects"][0]
    assert project["source"]["buildspec"] == "version: 0.2"
    assert project["environment"]["environmentVariables"][0]["value"] == "1"
    cf.delete_stack(StackName=name)
    assert settled(cf, stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert refused(s3.head_bucket, Bucket=out["Bucket"])[0] == "404"


def test_an_update_leaves_alone_what_the_template_never_said_of_a_queue(server, cf, name):
    sqs = server.client("sqs", profile="dev")
    body = """
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 45}}
Outputs:
  Url: {Value: !Ref Queue}
"""
    _, stack = create(cf, name, body)
    url = outputs(stack)["Url"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "2048"})
    assert update(cf, name, body.replace("{VisibilityTimeout: 45}", "{DelaySeconds: 3}"))["StackStatus"] == "UPDATE_COMPLETE"
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert {"MaximumMessageSize": "2048", "DelaySeconds": "3", "VisibilityTimeout": "30"}.items() <= attributes.items()


# ---- the AWS CLI, pages, isolation, a killed server


PIPELINE = """
Resources:
  Pipeline:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      Name: {name}
      RoleArn: arn:aws:iam::222222222222:role/slipway-deploy
      PipelineType: {type}
      ExecutionMode: QUEUED
      Variables: [{{Name: Ring, DefaultValue: "1"}}]
      ArtifactStore: {{Type: S3, Location: store-bucket}}
      Stages:
        - Name: Source
          Actions:
            - Name: Artifact
              ActionTypeId: {{Category: Source, Owner: AWS, Provider: S3, Version: "1"}}
              Configuration: {{S3Bucket: artifacts, S3ObjectKey: k.zip, PollForSourceChanges: false}}
              OutputArtifacts: [{{Name: App}}]
        - Name: Ask
          BeforeEntry:
            Conditions:
              - Result: SKIP
                Rules:
                  - Name: Office
                    RuleTypeId: {{Category: Rule, Owner: AWS, Provider: DeploymentWindow, Version: "1"}}
                    Configuration: {{Cron: "* * 9-17 ? * MON-FRI", TimeZone: Europe/Berlin}}
          OnSuccess:
            Conditions:
              - Result: ROLLBACK
                Rules:
                  - Name: Ring
                    RuleTypeId: {{Category: Rule, Provider: VariableCheck}}
                    Configuration: {{Variable: "#{{variables.Ring}}", Operator: EQ, Value: 1}}
          OnFailure: {{Result: RETRY, RetryConfiguration: {{RetryMode: ALL_ACTIONS}}}}
          Actions:
            - Name: {action}
              ActionTypeId: {{Category: Approval, Owner: AWS, Provider: Manual, Version: "1"}}
Outputs: {{Version: {{Value: !GetAtt Pipeline.Version}}}}
"""


def test_pipeline_is_made_changed_and_removed_by_its_stack(server, cf, name):
    pipelines = server.client("codepipeline", profile="dev")
    _, stack = create(cf, name, PIPELINE.format(name=name, type="V2", action="Ok"))
    assert outputs(stack) == {"Version": "1"}
    shown = pipelines.get_pipeline(name=name)["pipeline"]
    assert shown["stages"][0]["actions"][0]["configuration"]["PollForSourceChanges"] == "false"
    raw = Worker(server).call("GetPipeline", name=name)["pipeline"]["stages"][1]  # boto3 leaves out what it does not know
    assert raw["onSuccess"]["conditions"][0]["rules"][0]["configuration"]["Value"] == "1"
    assert raw["beforeEntry"]["conditions"][0]["result"] == "SKIP"
    assert outputs(update(cf, name, PIPELINE.format(name=name, type="V2", action="Fine"))) == {"Version": "2"}
    assert pipelines.get_pipeline(name=name)["pipeline"]["stages"][1]["actions"][0]["name"] == "Fine"
    stack = update(cf, name, PIPELINE.format(name=name, type="V1", action="Fine"))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [e.get("ResourceStatusReason", "") for e in cf.describe_stack_events(StackName=name)["StackEvents"]]
    assert any("Execution mode QUEUED needs a pipeline of type V2" in r for r in reasons)
    cf.delete_stack(StackName=name)
    cf.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert name not in [p["name"] for p in pipelines.list_pipelines()["pipelines"]]


REGIONAL = """
Resources:
  Pipeline:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      Name: {name}
      RoleArn: arn:aws:iam::222222222222:role/slipway-deploy
      ArtifactStores:
        - Region: us-east-1
          ArtifactStore: {{Type: S3, Location: store-bucket, EncryptionKey: {{Id: key, Type: KMS}}}}
      DisableInboundStageTransitions: {closed}
      Tags: {tags}
      Stages:
        - Name: Source
          Actions:
            - Name: Artifact
              ActionTypeId: {{Category: Source, Owner: AWS, Provider: S3, Version: "1"}}
              Configuration: {{S3Bucket: artifacts, S3ObjectKey: k.zip, PollForSourceChanges: false}}
              OutputArtifacts: [{{Name: App}}]
        - Name: Ask
          Blockers: [{{Name: Later, Type: Schedule}}]
          Actions: &ask
            - Name: Ok
              ActionTypeId: {{Category: Approval, Owner: AWS, Provider: Manual, Version: "1"}}
        - Name: Prod
          Actions: *ask
"""


def test_a_pipeline_s_stores_transitions_and_tags_follow_the_template(server, cf, name):
    pipelines = server.client("codepipeline", profile="dev")
    arn = f"arn:aws:codepipeline:us-east-1:222222222222:{name}"

    def seen():
        state = pipelines.get_pipeline_state(name=name)["stageStates"]
        return ([(s["stageName"], s["inboundTransitionState"].get("disabledReason")) for s in state
                 if not s["inboundTransitionState"]["enabled"]],
                {t["key"]: t["value"] for t in pipelines.list_tags_for_resource(resourceArn=arn)["tags"]})

    create(cf, name, REGIONAL.format(name=name, closed="[{StageName: Prod, Reason: not yet}]", tags="[{Key: a, Value: b}]"))
    assert seen() == ([("Prod", "not yet")], {"a": "b"})
    shown = pipelines.get_pipeline(name=name)["pipeline"]
    assert shown["artifactStores"] == {"us-east-1": {"type": "S3", "location": "store-bucket",
                                                     "encryptionKey": {"id": "key", "type": "KMS"}}}
    assert shown["stages"][1]["blockers"] == [{"name": "Later", "type": "Schedule"}] and "artifactStore" not in shown
    update(cf, name, REGIONAL.format(name=name, closed="[{StageName: Ask, Reason: wait}]", tags="[{Key: c, Value: d}]"))
    assert seen() == ([("Ask", "wait")], {"c": "d"})
    update(cf, name, REGIONAL.format(name=name, closed="[]", tags="[]"))
    assert seen() == ([], {})
    stack = update(cf, name, REGIONAL.format(name=name, closed="[{StageName: None, Reason: x}]", tags="[]"))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    cf.delete_stack(StackName=name)


def test_cli_deploy_and_wait(server, name, tmp_path):
    template = tmp_path / "t.yaml"
    template.write_text(parameter("!Ref V", "").replace("Resources:", "Parameters: {V: {Type: String}}\nResources:"))
    arguments = ["cloudformation", "deploy", "--stack-name", name, "--template-file", str(template),
                 "--parameter-overrides"]
    for value in ("V=one", "V=two", "V=two"):
        server.aws(*arguments, value, "--no-fail-on-empty-changeset", profile="dev")
        second = int(time.time())
        while int(time.time()) == second:  # the CLI names change sets by the second
            time.sleep(0.02)
    server.aws("cloudformation", "wait", "stack-update-complete", "--stack-name", name, profile="dev")
    server.aws("cloudformation", "delete-stack", "--stack-name", name, profile="dev")
    server.aws("cloudformation", "wait", "stack-delete-complete", "--stack-name", name, profile="dev")


def test_events_come_in_pages(cf, name):
    body = "Resources:\n" + "".join(f"  Q{i}: {{Type: AWS::SQS::Queue}}\n" for i in range(60))
    create(cf, name, body)
    pages = list(cf.get_paginator("describe_stack_events").paginate(StackName=name))
    assert len(pages) == 2
    events = [e["EventId"] for p in pages for e in p["StackEvents"]]
    assert len(events) == len(set(events)) == 60 * 3 + 2


def test_stacks_belong_to_their_account(server, cf, name):
    stack_id, _ = create(cf, name, parameter("x"))
    other = server.client("cloudformation", profile="prod")
    for given in (name, stack_id):
        assert refused(other.describe_stacks, StackName=given)[0] == "ValidationError"


def test_a_killed_server_goes_on_with_its_stacks(server, cf, name):
    body = "Resources:\n" + "".join(f"  Q{i}: {{Type: AWS::SQS::Queue}}\n" for i in range(200))
    cf.create_stack(StackName=name, TemplateBody=body)
    server.kill()
    server.start()
    cf = server.client("cloudformation", profile="dev")
    assert settled(cf, name)["StackStatus"] == "CREATE_COMPLETE"
    assert len(server.client("sqs", profile="dev").list_queues(QueueNamePrefix=name, MaxResults=1000)["QueueUrls"]) == 200
