#!/bin/sh
# Sends tests/input.csv through the module and compares what comes out with tests/expected.csv.
# usage: run.sh PROGRAM [OPTION...]
set -eu
program=$(realpath "$1")
shift
here=$(realpath "$(dirname "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
nemeactl logreplay -f "$here/input.csv" -i f:in.trapcap
"$program" -i f:in.trapcap,f:out.trapcap "$@"
nemeactl logger -t -i f:out.trapcap >got.csv
if diff -u "$here/expected.csv" got.csv; then
   echo "1 passed, 0 failed"
else
   echo "0 passed, 1 failed"
   exit 1
fi
