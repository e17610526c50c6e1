#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Makes the dynamic linker know new libraries in a directory that it looks into. Run by the installation, but not under DESTDIR.
PATH=$PATH:/sbin:/usr/sbin
if [ "$(id -u)" != 0 ]; then
   echo "not root: run ldconfig as root, so that other programs find the libraries"
elif command -v ldconfig >/dev/null; then
   ldconfig
fi
