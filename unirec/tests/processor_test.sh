#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# usage: processor_test.sh SOURCE_DIR_OF_UNIREC
# ur_processor.sh: all forms of UR_FIELDS that modules use, its exit codes, and what it says about mistakes.
set -eu
script=$(cd "$1" && pwd)/tools/ur_processor.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail()
{
   echo "$1" >&2
   exit 1
}

# expect STATUS WHAT ARGUMENT...
expect()
{
   status=$1 what=$2 rc=0
   shift 2
   "$script" "$@" >out 2>err || rc=$?
   [ "$rc" -eq "$status" ] || fail "$what: ended with $rc, expected $status: $(cat out err)"
}

# source NAME: the source of a module from standard input, alone in the directory in/
source_file()
{
   rm -rf in && mkdir in
   cat >"in/$1"
}

mkdir -p in/deeper gen
expect 1 "no option"
grep -qi usage out || fail "no usage line: $(cat out)"
expect 1 "one option" -i in
expect 2 "bad input" -i nowhere -o gen
grep -q 'Bad inputdir parameter' out || fail "bad input: $(cat out)"
expect 2 "bad output" -i in -o nowhere
grep -q 'Bad outputdir parameter' out || fail "bad output: $(cat out)"

# Forms: one line, several lines, several in a line, comments, all spellings of arrays, semicolons, a trailing comma.
cat >in/a.c <<'END'
#define UR_FIELDS(...)
UR_FIELDS(uint32 FOO, ipaddr SRC_IP, /* ipaddr NOT_ME, */ string URL);
UR_FIELDS (
   uint16   PORT,   // uint16 NOT_ME
   uint8* FIRST,
   uint16 *SECOND,
   time * THIRD,
   uint32 FOO,
)
;
UR_FIELDS(double RATIO) UR_FIELDS(char LETTER)
const char *text = "UR_FIELDS(uint8 NOT_ME) // /*";
UR_FIELDS(macaddr MAC)
END
echo 'UR_FIELDS(bytes RAW)' >in/deeper/b.hpp
echo 'UR_FIELDS(bytes NOT_ME)' >in/c.txt
expect 0 "all forms" -i in -o gen
cat >want <<'END'
#define F_SRC_IP 0
#define F_RATIO 1
#define F_MAC 2
#define F_FOO 3
#define F_PORT 4
#define F_LETTER 5
#define F_FIRST 6
#define F_RAW 7
#define F_URL 8
#define F_SECOND 9
#define F_THIRD 10
END
grep -E '^#define F_[A-Z_]+ [0-9]' gen/fields.h | diff want - || fail "other ids than expected"
grep -q '#define F_THIRD_T ur_time_t\*' gen/fields.h || fail "type of THIRD: $(grep THIRD gen/fields.h)"
grep -q 'UR_FIELD_SPECS_STATIC = {.*, 11}' gen/fields.c || fail "number of fields: $(grep STATIC gen/fields.c)"

echo 'UR_FIELDS()' | source_file empty.c
expect 0 "no field" -i in -o gen
grep -q 'UR_FIELD_SPECS_STATIC = {.*, 0}' gen/fields.c || fail "no field: $(cat gen/fields.c)"
rm -rf in && mkdir in
expect 0 "no source" -i in -o gen

# Mistakes: said with file, line and name; what was there before stays.
rm -f gen/*
printf 'UR_FIELDS(uint8 A)\nUR_FIELDS(uint16 A)\n' | source_file conflict.c
expect 1 "two types" -i in -o gen
grep -q 'conflict.c:2: field A has type uint16, but uint8' err || fail "two types: $(cat err)"
printf '\nUR_FIELDS(uint7 B)\n' | source_file unknown.c
expect 1 "unknown type" -i in -o gen
grep -q 'unknown.c:2: unknown type "uint7" of field B' err || fail "unknown type: $(cat err)"
echo 'UR_FIELDS(uint8 C D)' | source_file words.c
expect 1 "three words" -i in -o gen
[ -z "$(ls gen)" ] || fail "files were written in spite of a mistake"
