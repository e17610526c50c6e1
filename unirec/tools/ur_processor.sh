#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Makes fields.h and fields.c of the UR_FIELDS(...) in the sources of a module.
# usage: ur_processor.sh -i INPUTDIR -o OUTPUTDIR
# Exit status: 0 done, 1 usage, type conflict or unknown type (nothing is written), 2 not a directory.
LC_ALL=C
export LC_ALL

usage() { echo "usage: ${0##*/} -i INPUTDIR -o OUTPUTDIR"; }

inputdir= outputdir=
while getopts :i:o:h option; do
   case $option in
   i) inputdir=$OPTARG ;;
   o) outputdir=$OPTARG ;;
   h)
      usage
      sed -n '3s/^# /\n/p; 5s/^# /\n/p' "$0"
      exit 0
      ;;
   :) echo "${0##*/}: option -$OPTARG needs a directory" >&2 ;;
   *) echo "${0##*/}: unknown option -$OPTARG" >&2 ;;
   esac
done
if [ -z "$inputdir" ] || [ -z "$outputdir" ]; then usage; exit 1; fi
if [ ! -d "$inputdir" ]; then echo "Bad inputdir parameter"; exit 2; fi
if [ ! -d "$outputdir" ]; then echo "Bad outputdir parameter"; exit 2; fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# One awk reads all files: comments and string literals are skipped, the text of each UR_FIELDS( ) is split at
# commas, and each field is written as "size-class name type file:line".
find "$inputdir" -type f \( -name '*.c' -o -name '*.h' -o -name '*.cpp' -o -name '*.hpp' \) \
   -exec grep -lE 'UR_FIELDS|NM_FIELDS' {} + 2>/dev/null | sort | {
   set --
   while IFS= read -r file; do set -- "$@" "$file"; done
   [ $# -gt 0 ] || exit 0
   awk '
function strip(s,   out, c, two, i, n) {
   out = ""; n = length(s)
   for (i = 1; i <= n; i++) {
      c = substr(s, i, 1); two = substr(s, i, 2)
      if (in_comment) { if (two == "*/") { in_comment = 0; i++ } continue }
      if (in_string != "") {
         if (c == "\\") i++
         else if (c == in_string) in_string = ""
         continue
      }
      if (two == "/*") { in_comment = 1; i++; out = out " "; continue }
      if (two == "//") break
      if (c == "\"" || c == "\047") { in_string = c; continue }
      out = out c
   }
   in_string = ""
   return out
}
function fail(where, text) { print "ur_processor.sh: " where ": " text > "/dev/stderr"; failed = 1 }
function field(text,   type, name, words, n) {
   gsub(/[ \t\r]+/, " ", text); sub(/^ /, "", text); sub(/ $/, "", text)
   if (text == "") return
   gsub(/ ?\* ?/, "* ", text)
   n = split(text, words, " ")
   type = words[1]; name = words[2]
   if (n != 2 || name !~ /^[A-Za-z][A-Za-z0-9_]*$/) {
      fail(FILENAME ":" FNR, "expected \"type NAME\", found \"" text "\""); return
   }
   if (!(type in size)) { fail(FILENAME ":" FNR, "unknown type \"" type "\" of field " name); return }
   if ((name in types) && types[name] != type) {
      fail(FILENAME ":" FNR, "field " name " has type " type ", but " types[name] " in " place[name]); return
   }
   types[name] = type; place[name] = FILENAME ":" FNR
}
BEGIN {
   n = split("ipaddr 16 double 8 int64 8 uint64 8 time 8 macaddr 6 float 4 int32 4 uint32 4 int16 2 uint16 2 " \
             "char 1 int8 1 uint8 1 string -1 bytes -1 int8* -1 uint8* -1 int16* -2 uint16* -2 int32* -4 " \
             "uint32* -4 float* -4 int64* -8 uint64* -8 double* -8 time* -8 macaddr* -6 ipaddr* -16", w, " ")
   for (i = 1; i < n; i += 2) size[w[i]] = w[i + 1]
}
FNR == 1 { in_comment = 0; inside = 0; body = "" }
{
   line = strip($0)
   if (line ~ /^[ \t]*#[ \t]*define[ \t]+(UR|NM)_FIELDS/) next
   while (line != "") {
      if (!inside) {
         if (!match(line, /(UR|NM)_FIELDS[ \t]*\(/)) break
         line = substr(line, RSTART + RLENGTH); inside = 1; body = ""
         continue
      }
      stop = match(line, /[,)]/)
      if (stop == 0) { body = body line " "; line = ""; break }
      body = body substr(line, 1, stop - 1)
      closing = substr(line, stop, 1) == ")"
      line = substr(line, stop + 1)
      field(body); body = ""
      if (closing) inside = 0
   }
}
END {
   if (failed) exit 1
   for (name in types) {
      s = size[types[name]]
      printf "%d\t%s\t%s\t%d\n", (s > 0 ? 100 - s : 100 - s), name, types[name], s
   }
}' "$@" > "$work/list"
} || exit 1
[ -f "$work/list" ] || : > "$work/list"
sort -k1,1n -k2,2 "$work/list" > "$work/sorted"

awk -F '\t' -v header="$work/fields.h" -v source="$work/fields.c" '
BEGIN {
   n = split("string char bytes char char char uint8 uint8_t int8 int8_t uint16 uint16_t int16 int16_t uint32 uint32_t " \
             "int32 int32_t uint64 uint64_t int64 int64_t float float double double ipaddr ip_addr_t " \
             "macaddr mac_addr_t time ur_time_t", w, " ")
   for (i = 1; i < n; i += 2) ctype[w[i]] = w[i + 1]
   n = split("string STRING bytes BYTES char CHAR uint8 UINT8 int8 INT8 uint16 UINT16 int16 INT16 uint32 UINT32 " \
             "int32 INT32 uint64 UINT64 int64 INT64 float FLOAT double DOUBLE ipaddr IP macaddr MAC time TIME", w, " ")
   for (i = 1; i < n; i += 2) enum[w[i]] = w[i + 1]
   print "/* Made by ur_processor.sh. */\n#ifndef _UR_FIELDS_H_\n#define _UR_FIELDS_H_\n\n#include <unirec/unirec.h>\n" > header
}
{
   type = $3; array = sub(/\*$/, "", type)
   printf "#define F_%s %d\n#define F_%s_T %s%s\n", $2, count, $2, ctype[type], array ? "*" : "" > header
   names = names "   \"" $2 "\",\n"
   sizes = sizes "   " $4 ", /* " $2 " */\n"
   kinds = kinds "   UR_TYPE_" (array ? "A_" : "") enum[type] ", /* " $2 " */\n"
   count++
}
END {
   print "\nextern ur_field_specs_t ur_field_specs;\nextern ur_static_field_specs_t UR_FIELD_SPECS_STATIC;\n\n#endif" > header
   printf "/* Made by ur_processor.sh. */\n#include \"fields.h\"\n\n" \
      "char *ur_field_names_static[] = {\n%s   NULL\n};\n\nshort ur_field_sizes_static[] = {\n%s   0\n};\n\n" \
      "ur_field_type_t ur_field_types_static[] = {\n%s   UR_TYPE_STRING\n};\n\n", names, sizes, kinds > source
   printf "ur_static_field_specs_t UR_FIELD_SPECS_STATIC = {ur_field_names_static, ur_field_sizes_static, " \
      "ur_field_types_static, %d};\n\nur_field_specs_t ur_field_specs = {ur_field_names_static, " \
      "ur_field_sizes_static, ur_field_types_static, %d, %d, %d, NULL, UR_UNINITIALIZED};\n", \
      count, count, count, count > source
   # Linked with --as-needed, a program that calls nothing of libunirec would have a second registry besides the library'\''s.
   # Not const: in C++ the variable would have internal linkage.
   print "\nint (*ur_needs_libunirec)(ur_static_field_specs_t) = ur_init;" > source
}' "$work/sorted" || exit 1
mv "$work/fields.h" "$work/fields.c" "$outputdir/" || exit 1
