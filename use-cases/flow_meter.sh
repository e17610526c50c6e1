#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Captures a few packets and prints their flows.
set -eu
. "$(dirname "$0")/common.sh"

if [ $# -ne 1 ]; then
   cat <<'TEXT'
usage: flow_meter.sh INTERFACE

Captures ten packets of a network interface and prints their flows as CSV (root only):

   flow_meter -c 10 -> logger -t
TEXT
   exit 2
fi
[ "$(id -u)" = 0 ] || {
   echo "You should run this script as root."
   exit 1
}
make_directory
start logger -t -i u:flows
start flow_meter -I "$1" -c 10 -i u:flows
wait_for_all
