"""The house's own rules, checked on the text of the sources: which folder may include which, how long a file or
function may be, and what may not be called. Prints each breach as FILE:LINE: what; exits 1 when there is one."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Floors, lowest first; db and wire are side by side.
FLOORS = {"base": 1, "db": 2, "wire": 2, "http": 3, "services": 4, "workers": 5, "cli": 6, "console": 6}
# Services that may include which others; cloudformation is on top, iam at the bottom.
SERVICE_FLOORS = {"iam": 1, "sts": 2, "organizations": 2, "sqs": 2, "sns": 3, "s3": 2, "ssm": 2, "logs": 2, "codebuild": 3,
                  "codepipeline": 4, "cloudformation": 5}
# They reach services by request only; serve composes the server, and is the exception.
WALLED = {"workers", "cli", "console"}
BEHIND_THE_WALL = {"services", "db"}
# What a service's engine/ may include besides itself: it does no I/O and asks no clock.
PURE = tuple(f"base/{part}.h" for part in ("base", "buf", "hash", "id", "mem", "reason", "str")) + ("wire/", "services/iam/names.h")
COMPOSES_THE_SERVER = {"src/cli/serve.c", "src/cli/backup.c", "src/cli/house.c", "src/cli/house.h", "src/cli/accounts_file.c",
                       "src/cli/accounts_file.h"}

LINES = {".c": 800, ".h": 150}
FUNCTION_LINES = 70
NESTING = 4  # blocks within a function's own
OPENING_COMMENT_LINES = 15
BANNED_CALLS = re.compile(
    r"\b(sprintf|vsprintf|strcpy|strcat|strtok|atoi|atol|atof|gets|sleep|usleep|nanosleep|system|popen)\s*\(")
# The redo log runs statements again: they must lead to the same state.
CHANGING_SQL = re.compile(
    r'"[^"\n]*\b(random|randomblob|changes|datetime|strftime|julianday|unixepoch|now)\(|"[^"\n]*\bCURRENT_(TIME|DATE|TIMESTAMP)\b')
PROMISES = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def files():
    listed = subprocess.run(["git", "ls-files", "src", "tests", "bench", "docs"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.split()
    return [name for name in listed if name.endswith((".c", ".h")) and (ROOT / name).exists()]


def without_comments(text):
    """The same lines with comments and string contents blanked."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


def include_breach(name, target):
    parts = pathlib.PurePosixPath(name).parts
    folder, other = parts[1], target.split("/")[0]
    if other not in FLOORS or folder not in FLOORS:
        return None
    if folder in WALLED and other in BEHIND_THE_WALL and name not in COMPOSES_THE_SERVER:
        return f"{folder}/ must not include {target}: it reaches services by request only"
    if folder != other and FLOORS[other] >= FLOORS[folder]:
        return f"{folder}/ must not include {target}: it is not on a floor below"
    if parts[3:4] == ("engine",) and not target.startswith(PURE + ("/".join(parts[1:4]) + "/",)):
        return f"{'/'.join(parts[1:4])}/ must not include {target}: its step is pure"
    if folder == "services" == other and len(parts) > 3 and len(target.split("/")) > 2:
        mine, theirs = parts[2], target.split("/")[1]
        if mine != theirs and SERVICE_FLOORS[theirs] >= SERVICE_FLOORS[mine]:
            return f"services/{mine} must not include {target}: it is not below"
    return None


def function_breaches(lines):
    """Functions in this style open with `{` in the first column and close with `}` there."""
    start = None
    depth = 0
    for number, line in enumerate(lines, 1):
        if start and not line.rstrip().endswith("\\"):
            depth += line.count("{") - line.count("}")
            if depth > NESTING and line.rstrip().endswith("{"):
                yield number, f"nested {depth} blocks deep; {NESTING} is the limit"
        if line.startswith("{"):
            start = number
            depth = 0
        elif line.startswith("}") and start:
            if number - start - 1 > FUNCTION_LINES:
                yield start, f"a function of {number - start - 1} lines; {FUNCTION_LINES} is the limit"
            start = None


def breaches(name):
    text = (ROOT / name).read_text()
    lines = text.splitlines()
    limit = LINES[pathlib.Path(name).suffix]
    if len(lines) > limit:
        yield 1, f"{len(lines)} lines; {limit} is the limit"
    if name.startswith("src/"):
        if not text.startswith("/*"):
            yield 1, "a file opens with a comment that says what it is for"
        elif text[: text.index("*/")].count("\n") + 1 > OPENING_COMMENT_LINES and not name.endswith(".h"):
            yield 1, f"the opening comment is longer than {OPENING_COMMENT_LINES} lines"
    for number, line in enumerate(lines, 1):
        if PROMISES.search(line):
            yield number, "a promise: do it or leave it out"
        if name.startswith("src/services/") and CHANGING_SQL.search(line):
            yield number, "SQL that gives something else when the redo log runs it again"
        found = INCLUDE.match(line)
        breach = found and name.startswith("src/") and include_breach(name, found.group(1))
        if breach:
            yield number, breach
    code = without_comments(text).splitlines()
    for number, line in enumerate(code, 1):
        found = BANNED_CALLS.search(line)
        if found:
            yield number, f"{found.group(1)}() is not used here"
    yield from function_breaches(code)


def main():
    count = 0
    for name in files():
        for line, what in breaches(name):
            print(f"{name}:{line}: {what}")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
