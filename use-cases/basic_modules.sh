#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Merges what three readers of an nfdump file send, logs it, and counts the records of the log.
set -eu
. "$(dirname "$0")/common.sh"

if [ $# -eq 0 ]; then
   cat <<'TEXT'
usage: basic_modules.sh FILE | default

Sends the flows of FILE (of nfdump) three times, merges the three streams and writes them to ./logger_test_out; then reads that
file again and counts its flows:

   nfdump_reader, nfdump_reader, nfdump_reader -> merger -> logger -t
   logreplay -> flowcounter

default: 6000 flows made here.
TEXT
   exit 0
fi
make_directory
file=$1
log=./logger_test_out
if [ "$file" = default ]; then
   file=$directory/flows.nfdump
   awk 'BEGIN {
      print "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint64 LINK_BIT_FIELD,time TIME_FIRST,time TIME_LAST,uint32 PACKETS," \
         "uint16 DST_PORT,uint16 SRC_PORT,uint8 DIR_BIT_FIELD,uint8 PROTOCOL,uint8 TCP_FLAGS,uint8 TOS,uint8 TTL"
      for (i = 0; i < 6000; i++) {
         second = sprintf("2020-01-01T%02d:%02d:%02d", i / 3600, i / 60 % 60, i % 60)
         printf "192.0.2.%d,198.51.100.%d,%d,1,%s.000,%s.500,%d,%d,%d,0,%d,%d,0,64\n", i % 250, i % 240, 1000 + i, second, second,
            1 + i % 100, i % 3 ? 443 : 53, 1024 + i, i % 3 ? 6 : 17, i % 3 ? 27 : 0
      }
   }' >"$directory/flows.csv"
   start nfwriter -i u:made -f "$file" >"$directory/written"
   start logreplay -f "$directory/flows.csv" -i u:made
   wait_for_all
fi
need_file "$file"

echo ">>> Starting 3 nfreaders, merger and logger..."
start logger -t -i u:merged -w "$log"
start merger -i u:flows1,u:flows2,u:flows3,u:merged
for i in 1 2 3; do
   start nfdump_reader -i "u:flows$i" "$file" >"$directory/sent$i"
done
wait_for_all
echo ">Nfreaders sent:"
cat "$directory/sent1" "$directory/sent2" "$directory/sent3"

echo ">>> Starting logreplay and flowcounter..."
start flowcounter -i u:replayed >"$directory/counted"
start logreplay -f "$log" -i u:replayed
wait_for_all
echo ">Flowcounter received:"
cat "$directory/counted"
