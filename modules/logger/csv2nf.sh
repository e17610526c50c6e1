#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Flow records of logger (CSV with a title) as lines that look like those of nfdump.

usage() {
   cat <<'END'
usage: csv2nf.sh FILE...

Writes the flows of files that logger -t wrote (all with the same title; - is standard input), one line each, tab separated:
begin, end, source -> target, protocol, TCP flags (UAPRSF), packets, bytes.

Needed columns: TIME_FIRST TIME_LAST SRC_IP SRC_PORT DST_IP DST_PORT PROTOCOL TCP_FLAGS PACKETS BYTES;
with SHOW_MAC also SRC_MAC DST_MAC.

Environment:
  SHORT_IP_ONLY=yes   skip flows whose source address is 15 characters long or longer
  SHOW_MAC=yes        addresses with their MAC addresses, and only the first time
END
}

if [ $# -eq 0 ] || [ "$1" = -h ] || [ "$1" = --help ]; then
   usage
   exit 1
fi
exec awk -v short="${SHORT_IP_ONLY-}" -v mac="${SHOW_MAC-}" '
# Columns of a line of CSV, of which strings in quotes may hold commas.
function columns(line, to,    n, i, rest, part) {
   if (index(line, "\"") == 0) {
      return split(line, to, ",")
   }
   for (n = 0; line != ""; line = rest) {
      part = match(line, /^"([^"]|"")*"/) ? substr(line, 1, RLENGTH) : line
      i = part == line ? index(line, ",") : RLENGTH + 1
      to[++n] = i > 0 ? substr(line, 1, i - 1) : line
      rest = i > 0 ? substr(line, i + 1) : ""
   }
   return n
}
function fail(text) {
   print text > "/dev/stderr"
   failed = 1
   exit 1
}
function take_title(    n, i, name, word) {
   n = columns($0, title)
   for (i = 1; i <= n; i++) {
      split(title[i], word, " ")
      at[word[2]] = i
   }
   n = split("TIME_FIRST TIME_LAST SRC_IP SRC_PORT DST_IP DST_PORT PROTOCOL TCP_FLAGS PACKETS BYTES" \
             (mac == "yes" ? " SRC_MAC DST_MAC" : ""), name, " ")
   for (i = 1; i <= n; i++) {
      if (!(name[i] in at)) {
         fail("Error: no column " name[i] " in the title of " FILENAME ": " $0)
      }
   }
}
function moment(text) {
   sub(/\.[^.]*$/, "", text)
   return text
}
function flags(number,    bit, i, text) {
   text = ""
   for (i = 0; i < 6; i++) {
      bit = int(number / 2 ^ (5 - i)) % 2
      text = text (bit ? substr("UAPRSF", i + 1, 1) : ".")
   }
   return text
}
function put(first, last, source, target, protocol, tcp, packets, bytes) {
   if (mac == "yes") {
      printf "%19s\t%44s  ->  %44s\t%s\t%s\t%3s\t%5s\n", first, source, target, protocol, tcp, packets, bytes
   } else {
      printf "%19s\t%19s\t%24s  ->  %24s\t%s\t%s\t%3s\t%5s\n", first, last, source, target, protocol, tcp, packets, bytes
   }
}
function host(end,    hardware) {
   hardware = mac == "yes" ? " (" f[at[end "_MAC"]] ")" : ""
   return f[at[end "_IP"]] hardware " : " f[at[end "_PORT"]]
}
{ sub(/\r$/, "") }
NR == 1 {
   first_title = $0
   take_title()
   hardware = mac == "yes" ? " (%s_MAC)" : ""
   source = sprintf("SRC_IP" hardware " : SRC_PORT", "SRC")
   target = sprintf("DST_IP" hardware " : DST_PORT", "DST")
   put("TIME_FIRST", "TIME_LAST", source, target, "PROTOCOL", "TCPFLG", "PACKETS", "BYTES")
   next
}
FNR == 1 && $0 != first_title {
   fail("Error: mismatching header in " FILENAME ":\n" first_title "\n" $0)
}
$0 == first_title || $0 == "" { next }
{
   split("", f)
   columns($0, f)
   if (short == "yes" && length(f[at["SRC_IP"]]) >= 15) {
      next
   }
   p = f[at["PROTOCOL"]]
   put(moment(f[at["TIME_FIRST"]]), moment(f[at["TIME_LAST"]]), host("SRC"), host("DST"),
       p == 6 ? "TCP" : p == 17 ? "UDP" : p == 1 ? "ICMP" : p,
       flags(f[at["TCP_FLAGS"]]), f[at["PACKETS"]], f[at["BYTES"]])
}
' "$@"
