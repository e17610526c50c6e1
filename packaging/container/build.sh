#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Makes the container image "nemea" of the packages in build-package, from Debian's packages alone: debootstrap makes the base image. Needs
# debootstrap and buildah; the packages come from ./bootstrap.sh package.
#   build.sh [SUITE]        (default: bookworm)
# NEMEA_ROOT=DIR takes a root of the suite that debootstrap has made before.
set -eu
suite=${1:-bookworm}
cd "$(dirname "$0")/../.."
ls build-package/nemea-base_*.deb >/dev/null 2>&1 || {
   echo "build.sh: no packages in build-package: ./bootstrap.sh package" >&2
   exit 1
}
: "${BUILDAH_ISOLATION:=chroot}" "${NEMEA_MIRROR:=http://deb.debian.org/debian}"
export BUILDAH_ISOLATION
if [ -z "${NEMEA_ROOT-}" ]; then
   made=$(mktemp -d)
   trap 'rm -rf "$made"' EXIT
   NEMEA_ROOT=$made/debian
   debootstrap --variant=minbase --include=ca-certificates "$suite" "$NEMEA_ROOT" "$NEMEA_MIRROR"
fi
base=$(buildah from scratch)
buildah add -q "$base" "$NEMEA_ROOT" /
buildah commit -q "$base" "nemea-debian:$suite"
buildah rm "$base" >/dev/null
buildah bud --format docker --pull-never --build-arg "BASE=localhost/nemea-debian:$suite" -f packaging/container/Containerfile -t nemea .
echo "build.sh: image nemea"
