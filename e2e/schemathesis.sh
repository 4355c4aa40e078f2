#!/bin/sh
# Throws what Schemathesis makes of the OpenAPI document at a running demonstration: no answer may be a 5xx, or one that the
# document does not have.
#
#   e2e/schemathesis.sh BINARY [SECONDS]
#
# It needs curl and schemathesis 4 (pip install schemathesis), found as $SCHEMATHESIS or in the path. Exit code 77: it is
# missing.
set -eu

binary=$1
seconds=${2:-120}
tool=${SCHEMATHESIS:-$(command -v schemathesis || command -v st || true)}
[ -n "$tool" ] || { echo "schemathesis is not installed" >&2; exit 77; }
command -v curl >/dev/null || { echo "curl is not installed" >&2; exit 77; }

dir=$(mktemp -d)
server=
finish() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	[ -z "$server" ] || wait "$server" 2>/dev/null || true
	rm -rf "$dir"
}
trap finish EXIT INT TERM

port=${PORT:-18471}
base=http://127.0.0.1:$port
"$binary" demo --data "$dir/data" --listen "127.0.0.1:$port" --rate-factor 0 --log-level error >"$dir/out" 2>"$dir/err" &
server=$!
for _ in $(seq 600); do
	grep -q "Stop with" "$dir/out" 2>/dev/null && break
	kill -0 "$server" 2>/dev/null || { cat "$dir/err" >&2; exit 1; }
	sleep 0.5
done

# token NUMBER SCOPE…: signs in by the link of that number and makes an API token.
token() {
	link=$(grep -o "$base/sign-in/[^ ]*" "$dir/out" | sed -n "$1p")
	shift
	same="Sec-Fetch-Site: same-origin"
	curl -sS -o "$dir/page" -c "$dir/jar" -H "$same" -X POST "$link"
	set -- $(for scope; do echo --data-urlencode "scope=$scope"; done)
	curl -sS -b "$dir/jar" -c "$dir/jar" -H "$same" --data-urlencode label=schemathesis "$@" "$base/account/tokens" >"$dir/page"
	grep -o 'tcp_[0-9a-z]*' "$dir/page" | head -n 1
}
desk=$(token 1 read triage register feeds raw export mark audit staff)
member=$(token 2 read answer staff)
[ -n "$desk" ] && [ -n "$member" ] || { echo "no token was made" >&2; cat "$dir/page" >&2; exit 1; }

feed=$(curl -sS -X PUT -H "Authorization: Bearer $desk" -H "Content-Type: application/json" -d '{"pack":"ipsum","new_token":true}' \
	"$base/api/v1/feeds/schemathesis" | grep -o 'tcn_[0-9a-z]*' | head -n 1)
[ -n "$feed" ] || { echo "no feed was made" >&2; exit 1; }

# The stream of events has no end, so it is asked for one look at a time, below.
check() {
	"$tool" run "$base/api/v1/openapi.json" --url "$base" -H "Authorization: Bearer $1" "$4" "$5" \
		--checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
		--max-examples "$2" --phases examples,coverage,fuzzing --max-time "$3" --continue-on-failure --suppress-health-check all \
		--generation-database none --no-color
}
check "$desk" 25 "$seconds" --exclude-path /api/v1/events
check "$member" 10 "$((seconds / 2))" --exclude-path /api/v1/events
check "$feed" 25 "$((seconds / 4))" --include-path-regex '^/api/v1/signals'
for query in "after=0&limit=1" "limit=1" "after=-1" "after=x" "limit=0"; do
	status=$(curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $member" "$base/api/v1/events?$query")
	case $status in 200 | 422) ;; *) echo "events?$query: $status" >&2; exit 1 ;; esac
done
echo "no answer was a 5xx or undocumented"
