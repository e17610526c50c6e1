#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Makes ur_values.h, ur_values.c and ur_values.py of DIR/values: a line of one word opens a field, lines
# ".NAME value description" are its values.
# usage: ur_values.sh [-i DIR] [-o DIR]      (default: the current directory)
# Exit status: 0 done, 1 bad input (nothing is written), 2 not a directory or no file "values" in it.
LC_ALL=C
export LC_ALL
inputdir=./ outputdir=./
while getopts i:o:h option; do
   case $option in
   i) inputdir=$OPTARG ;;
   o) outputdir=$OPTARG ;;
   h)
      echo "usage: ${0##*/} [-i DIR] [-o DIR]"
      sed -n '3s/^# /\n/p; 4s/^# //p; 6s/^# /\n/p' "$0"
      exit 0
      ;;
   *) exit 1 ;;
   esac
done
if [ ! -d "$inputdir" ] || [ ! -r "$inputdir/values" ]; then echo "Bad inputdir parameter: no file $inputdir/values" >&2; exit 2; fi
if [ ! -d "$outputdir" ]; then echo "Bad outputdir parameter: $outputdir" >&2; exit 2; fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
awk -v h="$work/ur_values.h" -v c="$work/ur_values.c" -v py="$work/ur_values.py" '
function close_field() {
   if (field == "") return
   ranges = ranges sprintf("#define UR_TYPE_START_%s %d\n#define UR_TYPE_END_%s %d\n", field, start, field, count)
   print "   ])," > py
}
function quote(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); return s }
BEGIN { print "# Made by ur_values.sh.\nvalues = [" > py }
NF == 0 { next }
NF == 1 && $1 !~ /^\./ {
   close_field(); field = $1; start = count + 0
   printf "   (\"%s\", [\n", field > py
   next
}
$1 ~ /^\.[A-Za-z0-9_]+$/ && $2 ~ /^-?(0x[0-9a-fA-F]+|[0-9]+)$/ && field != "" {
   name = substr($1, 2); value = $2; text = $0
   sub(/^[ \t]*[^ \t]+[ \t]+[^ \t]+[ \t]*/, "", text); sub(/[ \t\r]+$/, "", text)
   # Modules define the names of flags themselves; for the others they are in ur_flags.h.
   if (field != "TCP_FLAGS" && field != "DIRECTION_FLAGS") names = names sprintf("#define %s %s\n", name, value)
   rows = rows sprintf("   {%s, \"%s\", \"%s\"},\n", value, name, quote(text))
   printf "      (\"%s\", \"%s\", \"%s\"),\n", name, value, quote(text) > py
   count++
   next
}
{ print "ur_values.sh: " FILENAME ":" FNR ": expected a field or \".NAME value description\", found \"" $0 "\"" > "/dev/stderr"; failed = 1 }
END {
   if (failed) exit 1
   close_field()
   print "]" > py
   print "/* SPDX-License-Identifier: BSD-3-Clause */\n/* Made by ur_values.sh from the file values. */\n/* clang-format off */" > h
   print "/** \\file ur_values.h\n * Named values of fields: their numbers, names and descriptions. */" > h
   print "#ifndef _UR_VALUES_H_\n#define _UR_VALUES_H_\n\n#include <stdint.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n" > h
   printf "%s\n/* Rows of ur_values[] that belong to a field: from START on, below END. */\n%s\n", names, ranges > h
   print "typedef struct ur_values_s {\n   int32_t value;\n   char *name;\n   char *description;\n} ur_values_t;\n" > h
   print "/** The table; ends with a row whose name is NULL. */\nextern const ur_values_t ur_values[];\n" > h
   print "/** Name and description of a value among the rows [start, end). \\return NULL if there is none */" > h
   print "const char *ur_values_get_name_start_end(uint32_t start, uint32_t end, int32_t value);" > h
   print "/** \\return the description of a value among the rows [start, end), NULL if there is none */" > h
   print "const char *ur_values_get_description_start_end(uint32_t start, uint32_t end, int32_t value);\n" > h
   print "/** The same for a field: ur_values_get_name(TCP_FLAGS, 2) */" > h
   print "#define ur_values_get_name(FIELD, value) \\\n   ur_values_get_name_start_end(UR_TYPE_START_##FIELD, UR_TYPE_END_##FIELD, value)" > h
   print "#define ur_values_get_description(FIELD, value) \\\n   ur_values_get_description_start_end(UR_TYPE_START_##FIELD, UR_TYPE_END_##FIELD, value)\n" > h
   print "#ifdef __cplusplus\n}\n#endif\n#endif" > h
   print "/* SPDX-License-Identifier: BSD-3-Clause */\n/* Made by ur_values.sh from the file values. */\n/* clang-format off */" > c
   printf "#include <stddef.h>\n#include <unirec/ur_values.h>\n\n#define UR_PUBLIC __attribute__((visibility(\"default\")))\n\n" > c
   printf "UR_PUBLIC const ur_values_t ur_values[] = {\n%s   {0, NULL, NULL},\n};\n\n", rows > c
   for (i = 1; i <= 2; i++) {
      what = i == 1 ? "name" : "description"
      printf "UR_PUBLIC const char *ur_values_get_%s_start_end(uint32_t start, uint32_t end, int32_t value)\n{\n" \
             "   for (uint32_t i = start; i < end && i < %d; i++) {\n      if (ur_values[i].value == value) {\n" \
             "         return ur_values[i].%s;\n      }\n   }\n   return NULL;\n}\n%s", what, count, what, i == 1 ? "\n" : "" > c
   }
}' "$inputdir/values" || exit 1
mv "$work/ur_values.h" "$work/ur_values.c" "$work/ur_values.py" "$outputdir/"
