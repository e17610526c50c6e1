#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Makes the user of the supervisor and the directories that modules write to, as root:
#   prepare_default_config.sh install|uninstall
set -eu

confdir='@confdir@'
sup_dir='@sup_dir@'
user=nemead

case "${1:-}" in
install)
   getent group "$user" >/dev/null || groupadd -r "$user"
   getent passwd "$user" >/dev/null || useradd -r -g "$user" -d "$confdir" -s /usr/sbin/nologin "$user"
   for class in data-sources detectors reporters loggers others; do
      mkdir -p "$confdir/$class"
   done
   find "$sup_dir" -name '*.mkdir' -exec cat {} + | tr -s '[:space:]' '\n' | while read -r dir; do
      [ -z "$dir" ] || install -d -o "$user" -g "$user" -m 0750 "$dir"
   done
   install -d -o "$user" -g "$user" -m 0750 /var/log/nemea-supervisor
   install -d -o root -g "$user" -m 2775 /run/nemea # at the next start of the system tmpfiles.d makes it
   if [ -d /run/systemd/system ]; then
      systemctl daemon-reload
      systemctl enable nemea-supervisor.service
   fi
   ;;
uninstall)
   if getent passwd "$user" >/dev/null; then
      userdel "$user"
   fi
   ;;
-h | --help)
   echo "usage: prepare_default_config.sh install|uninstall"
   echo "Makes the user $user, $confdir and the directories that modules write to; uninstall removes the user."
   ;;
*)
   echo "usage: prepare_default_config.sh install|uninstall" >&2
   exit 2
   ;;
esac
