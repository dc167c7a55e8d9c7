#!/bin/bash
# The main job, told step by step: exits 0 only when every step went as told.
# usage: scripts/demo.sh PATH_TO_SLIPWAY
set -Eeuo pipefail
cd "$(dirname "$0")/.."
slipway=$(realpath "$1")
work=$(mktemp -d)
data=$work/data
server=

bold= dim= off=
if [ -t 1 ]; then bold=$'\033[1m' dim=$'\033[2m' off=$'\033[0m'; fi

step() { printf '\n%s== %s%s\n' "$bold" "$*" "$off"; }
say() { printf '%s   %s%s\n' "$dim" "$*" "$off"; }
fail() {
    printf 'demo: NOT AS TOLD: %s\n' "$*" >&2
    [ -f "$work/serve.log" ] && { echo 'the last lines of the server:' >&2; tail -n 20 "$work/serve.log" >&2; }
    exit 1
}
finish() {
    status=$?
    if [ -n "$server" ] && kill -TERM "$server" 2>/dev/null; then wait "$server" || true; fi
    rm -rf "$work"
    exit $status
}
trap finish EXIT
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR

central() { "$slipway" "$1" "${@:2}" --profile shared-services; }

# The dev team's side: a zip, and curl with the team's own access key.
credential() { sed -n "/^\[$1\]/,/^\[/s/^$2 *= *//p" "$data/credentials" | head -n 1; }
# S3 wants this header; curl before 8.0 does not send it by itself.
signed() {
    curl --silent --show-error --fail --aws-sigv4 aws:amz:us-east-1:s3 --user "$team_key" \
        --header 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$@"
}
build_artifact() { # VERSION: prints the zip's path
    local source=$work/shop-$1
    cp -r examples/shop "$source"
    echo "$1" >"$source/site/version.txt"
    (cd "$source" && zip --quiet --recurse-paths "$work/shop-$1.zip" .)
    echo "$work/shop-$1.zip"
}
push() { # FILE BRANCH: sets $version
    signed --upload-file "$1" --dump-header "$work/headers" --output /dev/null \
        "$AWS_ENDPOINT_URL/artifacts/$team/shop/$2/latest.zip"
    version=$(tr -d '\r' <"$work/headers" | sed -n 's/^[Xx]-[Aa]mz-[Vv]ersion-[Ii]d: //p')
    [ -n "$version" ] || fail "the put of $2 was answered without a version id"
    say "pushed $(basename "$1") ($(stat -c %s "$1") bytes) to $team/shop/$2/latest.zip: version $version"
}
site_of() { # SUFFIX ACCOUNT
    echo "$AWS_ENDPOINT_URL/shop-$1-$2/site"
}
expect_version() { # ENVIRONMENT SUFFIX ACCOUNT VERSION
    local got
    got=$(curl --silent --show-error --fail "$(site_of "$2" "$3")/version.txt") || fail "$1 does not answer"
    [ "$got" = "$4" ] || fail "$1 shows version $got instead of $4"
    say "$1: $(site_of "$2" "$3")/version.txt says $got"
}
expect_nothing() { # ENVIRONMENT SUFFIX ACCOUNT
    local code
    code=$(curl --silent --output /dev/null --write-out '%{http_code}' "$(site_of "$2" "$3")/version.txt")
    [ "$code" = 404 ] || fail "$1 answers $code where nothing should be"
    say "$1: nothing there (404)"
}
suffix_of() { # BRANCH: branch and hash, as the launcher makes them
    local slug
    slug=$(printf '%s' "$1" | tr -c 'a-zA-Z0-9' '-' | tr '[:upper:]' '[:lower:]' | cut -c 1-20)
    printf '%s-%s' "$slug" "$(printf '%s' "$team/shop/$1" | sha256sum | cut -c 1-8)"
}

step "1. One server, with a launcher and an anchor for each account"
mkdir "$data"
"$slipway" serve --data "$data" --port 0 --port-file "$work/port" >"$work/serve.log" 2>&1 &
server=$!
for _ in $(seq 100); do
    [ -s "$work/port" ] && break
    kill -0 "$server" 2>/dev/null || fail "the server ended"
    sleep 0.1
done
[ -s "$work/port" ] || fail "the server is not up after 10 s"
export AWS_ENDPOINT_URL="http://127.0.0.1:$(cat "$work/port")"
export AWS_SHARED_CREDENTIALS_FILE=$data/credentials AWS_CONFIG_FILE=$data/config AWS_REGION=us-east-1
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE
dev=222222222222 staging=333333333333 prod=444444444444 team=555555555555
team_key="$(credential shop-team aws_access_key_id):$(credential shop-team aws_secret_access_key)"
say "$AWS_ENDPOINT_URL"
central account list

step "2. The central team applies its catalog and two release templates"
for _ in $(seq 100); do # the launcher makes the catalog's bucket when it starts
    central catalog apply examples/catalog.yaml >"$work/apply" 2>"$work/apply.err" && break
    sleep 0.1
done
cat "$work/apply"
grep -q '^applied' "$work/apply" || fail "the catalog was not applied: $(cat "$work/apply.err")"
central template put main examples/templates/main.yaml
central template put feature examples/templates/feature.yaml

step "3. The dev team delivers version 1.0.0 of shop, with zip and curl"
first=$(build_artifact 1.0.0)
push "$first" main

step "4./5. Release stack, pipeline, and the same bytes to dev, staging and, after an approval, prod"
central watch shop main --version "$version" --until-approval
main=$(suffix_of main)
expect_version dev "$main" $dev 1.0.0
expect_version staging "$main" $staging 1.0.0
expect_nothing prod "$main" $prod
central approve shop main --message "release notes read" | tee "$work/approval"
grep -q "sha256  $(sha256sum "$first" | cut -d ' ' -f 1)" "$work/approval" || fail "the approval does not show the artifact's digest"
grep -q 'by arn:aws:iam::111111111111:' "$work/approval" || fail "the approval does not say who approved"
central watch shop main --version "$version"

step "6. The application is really there"
expect_version dev "$main" $dev 1.0.0
expect_version staging "$main" $staging 1.0.0
expect_version prod "$main" $prod 1.0.0

step "7. A second push updates it; a feature branch gets an environment of its own and goes again"
push "$(build_artifact 1.1.0)" main
central watch shop main --version "$version" --until-approval
central approve shop main
central watch shop main --version "$version" | tail -n 1
for account in $dev $staging $prod; do expect_version "$account" "$main" $account 1.1.0; done
released=$version

push "$(build_artifact 2.0.0-login)" feature/login
central watch shop feature/login --version "$version"
feature=$(suffix_of feature/login)
expect_version "dev, feature/login" "$feature" $dev 2.0.0-login
expect_nothing "staging, feature/login" "$feature" $staging
central status

say "a zero-byte artifact at its key takes feature/login down"
: >"$work/empty"
push "$work/empty" feature/login
for _ in $(seq 150); do
    central status shop feature/login --json >"$work/status"
    grep -q '"branch"' "$work/status" || break
    sleep 0.1
done
! grep -q '"branch"' "$work/status" || fail "feature/login is still there"
expect_nothing "dev, feature/login" "$feature" $dev
central status

step "8. A version whose smoke test fails stops before staging"
bad=$(build_artifact 1.2.0)
echo "<h1>Oops</h1>" >"$work/shop-1.2.0/site/index.html"
(cd "$work/shop-1.2.0" && zip --quiet "$bad" site/index.html)
push "$bad" main
if central watch shop main --version "$version" >"$work/watch"; then
    cat "$work/watch"
    fail "the bad version went through"
fi
cat "$work/watch"
grep -q 'the front page has no headline' "$work/watch" || fail "the failure does not show the log's last lines"
expect_version dev "$main" $dev 1.2.0
expect_version staging "$main" $staging 1.1.0
expect_version prod "$main" $prod 1.1.0
central status | tee "$work/matrix"
grep -q "${released: -8}" "$work/matrix" || fail "the matrix does not show what is released"

printf '\n%sEverything went as told, in %s s.%s\n' "$bold" "$SECONDS" "$off"
