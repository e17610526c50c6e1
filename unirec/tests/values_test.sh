#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# usage: values_test.sh SOURCE_DIR_OF_UNIREC
# The committed ur_values.h and values.c equal the output of ur_values.sh for the file values; its options work.
set -eu
unirec=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
script=$unirec/tools/ur_values.sh

fail()
{
   echo "$1" >&2
   exit 1
}

mkdir "$work/out"
"$script" -i "$unirec" -o "$work/out" >"$work/log" 2>&1 || fail "ur_values.sh ended with $?: $(cat "$work/log")"
cmp "$work/out/ur_values.h" "$unirec/include/unirec/ur_values.h" || fail "ur_values.h is not what values says"
cmp "$work/out/ur_values.c" "$unirec/src/values.c" || fail "values.c is not what values says"

# Without options: this directory. Descriptions keep their last word.
mkdir "$work/here"
printf 'COLOUR\n.RED 1 The colour of alarms\n.BLUE 0x10 Blue\nSIZE\n.SMALL -1 Very "small"\n' >"$work/here/values"
(cd "$work/here" && "$script" >/dev/null) || fail "no options: ended with $?"
grep -q '{1, "RED", "The colour of alarms"}' "$work/here/ur_values.c" || fail "a description was cut"
grep -q '{-1, "SMALL", "Very \\"small\\""}' "$work/here/ur_values.c" || fail "quotes were not kept"
grep -Eq '#define UR_TYPE_START_SIZE +2' "$work/here/ur_values.h" || fail "start of the second field is not 2"
grep -Eq '#define UR_TYPE_END_SIZE +3' "$work/here/ur_values.h" || fail "end of the second field is not 3"
if command -v python3 >/dev/null; then
   (cd "$work/here" && python3 -c 'from ur_values import values
assert values == [("COLOUR", [("RED", "1", "The colour of alarms"), ("BLUE", "0x10", "Blue")]),
                  ("SIZE", [("SMALL", "-1", "Very \"small\"")])], values') || fail "ur_values.py is wrong"
fi

rc=0
"$script" -i "$work/nowhere" -o "$work/out" >/dev/null 2>&1 || rc=$?
[ "$rc" -eq 2 ] || fail "an input that is no directory: ended with $rc, expected 2"
