#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Asks what a new module should be, makes it with "nemea new-module --classic", and builds it.
# usage: create_module.sh [-h]      (the answers may come from a file: create_module.sh <answers)
set -eu

case ${1-} in
-h | --help)
   sed -n '4s/^# //p' "$0"
   sed -n '3s/^# /\n/p' "$0"
   exit 0
   ;;
'') ;;
*)
   echo "create_module.sh: unknown argument '$1' (see create_module.sh -h)" >&2
   exit 2
   ;;
esac

# ask QUESTION DEFAULT: the answer, or DEFAULT for an empty one.
ask() {
   printf '%s [%s]: ' "$1" "$2" >&2
   IFS= read -r answer || answer=
   printf '%s' "${answer:-$2}"
}

nemea=$(dirname "$0")/nemea
[ -x "$nemea" ] || nemea=nemea
while name=$(ask 'Name of the module' my_module) && [ -e "$name" ]; do
   echo "A file or directory '$name' exists already." >&2
done
description=$(ask 'Short description' 'One sentence that says what it does.')
case $(ask 'Do you want to write a longer one? Y/N' N) in
[Yy]*) description=$(ask 'Longer description' "$description") ;;
esac
inputs=$(ask 'Number of input interfaces' 1)
outputs=$(ask 'Number of output interfaces' 1)
author=$(ask 'Author' "$(id -un)")
email=$(ask 'E-mail' 'you@example.org')
case $(ask "Make the module $name? Y/N" Y) in
[Nn]*) exit 0 ;;
esac

if "$nemea" new-module --classic --description "$description" --inputs "$inputs" --outputs "$outputs" \
   --author "$author" --email "$email" "$name" >/dev/null &&
   (cd "$name" && { autoreconf -i && ./configure -q && make; } >build.log 2>&1); then
   rm -f "$name/build.log"
   echo "Module $name has been created successfully at $name."
else
   echo "Error while creating module $name${name:+ (see $name/build.log if it is there)}." >&2
   exit 1
fi
