#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Counts the flows of a few services.
set -eu
. "$(dirname "$0")/common.sh"

if [ $# -eq 0 ]; then
   cat <<'TEXT'
usage: traffic-filtering-stats.sh FILE...

Counts the flows in files of nfdump by service: SSH (port 22), web (80), SMTP (25) and all others. One filter sends to four counters:

   nfdump_reader -> unirecfilter -> 4 x flowcounter
TEXT
   exit 0
fi
for file in "$@"; do
   need_file "$file"
done
make_directory
services='ssh web smtp other'
cat >"$directory/filters" <<'FILTERS'
:port == 22;
:port == 80;
:port == 25;
:!(port == 22 || port == 80 || port == 25);
FILTERS
echo "Running, wait a moment please..."
outputs=''
for service in $services; do
   start flowcounter -i "u:$service" >"$directory/$service"
   outputs=$outputs,u:$service
done
start unirecfilter -i "u:flows$outputs" -f "$directory/filters" >"$directory/filter.log"
start nfdump_reader -i u:flows "$@" >"$directory/sent"
wait_for_all
total=0
for service in $services; do
   count=$(awk '$1 == "Flows:" { print $2 }' "$directory/$service")
   echo "$service: $count"
   total=$((total + count))
done
echo "Total: $total"
