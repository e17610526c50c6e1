#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Runs the image of build.sh with podman, without any capability or network, and looks at it as an operator does (root; not part of check).
set -eu
name=nemea-try-$$
trap 'podman rm -f "$name" >/dev/null 2>&1 || true' EXIT
fail() {
   echo "try.sh: FAILED $*" >&2
   podman logs "$name" >&2 || true
   exit 1
}
# Limits of its own, since those of podman are above what a machine may allow; no control group, since not every machine delegates one.
podman run -d --name "$name" --no-healthcheck --cgroups=disabled --ulimit nofile=1024:4096 --ulimit nproc=4096:4096 --cap-drop ALL \
   --security-opt no-new-privileges --network none nemea >/dev/null || fail "it does not start"
ready() { # of all modules that are enabled; the error names those that are not
   podman exec "$name" supcli status --json | python3 -c '
import json, sys
modules = [m for m in json.load(sys.stdin) if m["enabled"]]
bad = [m["name"] for m in modules if m["state"] not in ("ready", "running") or m["restarts"]]
print(f"{len(modules)} modules run" if not bad else "not ready, or started again: " + " ".join(bad))
sys.exit(not modules or bool(bad))'
}
n=0
until told=$(ready 2>&1); do
   n=$((n + 1))
   [ "$n" -lt 60 ] || fail "$told"
   sleep 1
done
echo "try.sh: ok $told"
[ "$(podman exec "$name" readlink /proc/1/exe)" = /usr/bin/nemea/supervisor ] || fail "PID 1 is not the supervisor"
podman stop -t 30 "$name" >/dev/null
[ "$(podman inspect -f '{{.State.ExitCode}}' "$name")" = 0 ] || fail "SIGTERM does not end it in 30 seconds"
echo "try.sh: ok PID 1 is the supervisor, and SIGTERM ends it and its modules"
