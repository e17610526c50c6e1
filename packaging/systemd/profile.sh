# shellcheck shell=sh
# The modules of NEMEA on the PATH, behind those of the system: some have names that others have, too.
case ":$PATH:" in
*:@moduledir@:*) ;;
*) PATH=$PATH:@moduledir@ ;;
esac
