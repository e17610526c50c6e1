#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# What a new machine needs, whoever made it: the packages of /packages, the configuration of all modules, and the services.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
# shellcheck disable=SC2010,SC2046 # names of packages have no blanks
apt-get -y -q install $(ls /packages/*.deb | grep -v -e -dbgsym_ -e -dev_)
cp -rn /usr/share/nemea-supervisor/*/ /etc/nemea
systemctl enable --now nemea-flow-collector nemea-supervisor
