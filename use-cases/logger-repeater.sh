#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Sends a file of records over a UNIX socket from one module to another.
set -eu
. "$(dirname "$0")/common.sh"

if [ $# -eq 0 ]; then
   cat <<'TEXT'
usage: logger-repeater.sh FILE | generate

Sends the records of FILE (CSV with a title line, as logger -t writes it) over a UNIX socket and prints what arrives:

   logreplay -> u:my_socket -> logger -t

generate: sends three records made here.
TEXT
   exit 0
fi
make_directory
file=$1
if [ "$file" = generate ]; then
   file=$directory/records.csv
   cat >"$file" <<'RECORDS'
ipaddr DST_IP,ipaddr SRC_IP,uint16 DST_PORT,uint16 SRC_PORT
192.168.0.1,192.168.0.2,80,1234
192.168.0.2,192.168.0.1,1234,80
1.2.3.4,8.8.8.8,53,6853
RECORDS
fi
need_file "$file"
start logger -t -i u:my_socket
start logreplay -f "$file" -i u:my_socket
wait_for_all
