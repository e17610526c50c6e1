#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Makes a man page of the macros MODULE_BASIC_INFO and MODULE_PARAMS in the sources of a module, on standard output.
# usage: trap2man.sh FILE...
# The version is that of AC_INIT in configure.ac, in the directory of the first FILE or above it.
# Exit status: 0 done, 1 an argument is not a regular file, 2 there is no MODULE_BASIC_INFO in the files.
LC_ALL=C
export LC_ALL

case ${1-} in
'' | -h | --help)
   echo "usage: ${0##*/} FILE..."
   sed -n '3s/^# /\n/p; 5s/^# //p; 6s/^# /\n/p' "$0"
   exit 0
   ;;
esac
for file in "$@"; do
   if [ ! -f "$file" ]; then
      echo "${0##*/}: $file: not a regular file" >&2
      exit 1
   fi
done

# The version, from the nearest configure.ac.
version=
directory=$(cd "$(dirname "$1")" && pwd)
while :; do
   if [ -f "$directory/configure.ac" ]; then
      version=$(tr '\n' ' ' <"$directory/configure.ac" | sed -n 's/.*AC_INIT([^,]*,[[:space:]]*\[*\([^],)[:space:]]*\).*/\1/p')
      break
   fi
   [ "$directory" != / ] || break
   directory=$(dirname "$directory")
done

awk -v version="$version" '
# The text of a macro: its lines, without the backslashes that join them.
function collect(name, line) {
   sub(/^.*\)[ \t]*/, "", line) # after the parameter of the macro
   text = line
   while (text ~ /\\[ \t\r]*$/) {
      sub(/\\[ \t\r]*$/, " ", text)
      if ((getline line) <= 0) break
      text = text line
   }
   macros[name] = macros[name] " " text
}
function escape(s) {
   gsub(/\\/, "\\e", s); gsub(/-/, "\\-", s)
   return s
}
# Text in lines of roff: none may begin with a control character.
function put(s,   lines, n, i) {
   n = split(s, lines, "\n")
   for (i = 1; i <= n; i++) {
      sub(/^[ \t]+/, "", lines[i])
      if (lines[i] == "") { if (i < n) print ".br"; continue }
      print (lines[i] ~ /^[.\047]/ ? "\\&" : "") escape(lines[i])
   }
}
# The next argument of a call from position at on: strings are joined, escapes replaced. Sets at after it, and last.
function argument(s,   c, value, quote, n) {
   value = ""; quote = ""; quoted = 0; n = length(s); last = 1
   for (; at <= n; at++) {
      c = substr(s, at, 1)
      if (quote != "") {
         if (c == "\\") {
            c = substr(s, ++at, 1)
            value = value (c == "n" ? "\n" : c == "t" ? " " : c)
         } else if (c == quote) quote = ""
         else value = value c
         continue
      }
      if (c == "\"" || c == "\047") { quote = c; quoted = 1; continue }
      if (c == ",") { last = 0; at++; break }
      if (c == ")") { at++; break }
      if (c != " " && c != "\t" && c != "(") value = value c
   }
   return value
}
function count(n) { return n + 0 == -1 ? "variable" : n }
function option(s,   short, long, text, need, type, names) {
   short = argument(s); if (short ~ /^[0-9]+$/ && !quoted) short = ""
   long = argument(s); text = argument(s); need = argument(s)
   type = last ? "" : argument(s)
   if (short == "" && long == "") return
   type = need == "no_argument" ? "" : (type == "" || type == "none" ? "argument" : type)
   names = short != "" ? "\\fB\\-" escape(short) "\\fR" : ""
   if (long != "") names = names (names != "" ? ", " : "") "\\fB\\-\\-" escape(long) "\\fR"
   if (type != "") names = names (need == "optional_argument" ? " [\\fI" escape(type) "\\fR]" : " \\fI" escape(type) "\\fR")
   print ".TP\n" names
   put(text)
}
/^[ \t]*#[ \t]*define[ \t]+MODULE_BASIC_INFO[ \t]*\(/ { collect("basic", $0); next }
/^[ \t]*#[ \t]*define[ \t]+MODULE_PARAMS[ \t]*\(/ { collect("params", $0); next }
END {
   at = index(macros["basic"], "(")
   if (at == 0) exit 2
   name = argument(macros["basic"]); description = argument(macros["basic"])
   inputs = argument(macros["basic"]); outputs = argument(macros["basic"])
   if (name == "") exit 2
   summary = description
   sub(/\n.*/, "", summary); sub(/\.[ \t].*/, "", summary); sub(/\.$/, "", summary)
   print ".TH \"" toupper(name) "\" 1 \"\" \"" escape(name) (version != "" ? " " version : "") "\" \"NEMEA\""
   print ".SH NAME\n" escape(name) " \\- " escape(summary)
   print ".SH SYNOPSIS\n.B " escape(name) "\n\\fB\\-i\\fR \\fIIFC_SPEC\\fR [\\fIOPTION\\fR]..."
   print ".SH DESCRIPTION"
   put(description)
   print ".PP\nNumber of input IFCs: " count(inputs) ".\n.br\nNumber of output IFCs: " count(outputs) "."
   print ".SH OPTIONS\n.SS Options of the module"
   rest = macros["params"]
   while ((at = index(rest, "(")) > 0) {
      at++; option(rest)
      rest = substr(rest, at)
   }
   print ".SS Common options"
   print ".TP\n.BI \\-i \" IFC_SPEC\"\nThe interfaces, inputs first, then outputs, separated by commas; see\n.BR nemea\\-interfaces (7)."
   print ".TP\n.BR \\-h \" [\" trap \"], \" \\-\\-help\nHelp of the module, or with \"trap\" that of IFC_SPEC."
   print ".TP\n.B \\-v\nBe verbose.\n.TP\n.B \\-vv\nBe more verbose.\n.TP\n.B \\-vvv\nBe even more verbose."
   print ".SH ENVIRONMENT VARIABLES"
   print ".TP\n.B LIBTRAP_OUTPUT_FORMAT\n.B json\nmakes the help a JSON document; it is text otherwise."
   print ".TP\n.B PAGER\nThe help is shown through this program."
   print ".TP\n.B TRAP_SOCKET_DIR\nDirectory of UNIX sockets."
   print ".SH BUGS\nPlease report them to the authors of the module."
}' "$@"
status=$?
[ $status -ne 2 ] || echo "${0##*/}: no MODULE_BASIC_INFO in $*" >&2
exit $status
