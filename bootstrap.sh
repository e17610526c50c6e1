#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds, tests, demonstrates and installs this tree, and first installs the packages that this needs.
set -eu
cd "$(dirname "$0")"

usage() {
   cat <<'END'
usage: ./bootstrap.sh COMMAND [ARGUMENT...]

  demo                  analyse the captures in examples/captures and print the alerts
  check [STAGE...]      build everything and run all tests; stages: format gcc analysis clang asan tsan fuzz (all)
  portability [SUITE...]
                        build, install and run it in new roots of other releases of Debian (bookworm trixie; root)
  install [--prefix DIR] [--moduledir DIR]
                        optimised build, installed in DIR (default: /usr/local): commands in bin, modules in
                        libexec/nemea, libraries in lib; with --moduledir modules in that directory
  uninstall             remove what install put in its place
  package [--tests]     build the Debian packages in build-package, and check them with lintian
  release [--try]       make the tarball of a release in build-release, twice, and compare; --try: build and test it without a network
  bench [NAME] [ARG...] run the benchmark NAME on an optimised build; without NAME list them
  receivers [N]         send N alerts (default 10000) to each kind of receiver, which is killed and started again in the middle
  kills [SECONDS [SEED]]
                        kill modules and the supervisor at random under a live stream (default: 600 seconds)
  lab [--out DIR] [NAME...]
                        make the captures again, with real tools between hosts in network namespaces (root)
  docs                  make the documentation site, build-docs/html/index.html (Sphinx, Doxygen)
  format                lay out all C files with clang-format
  deps [GROUP...]       install the packages of the groups build, check, docs, package, lab, bench, portability (default: build check)

Packages that are missing are installed with apt-get or dnf (through sudo when not root), each one named.
END
}

die() {
   printf 'bootstrap.sh: %s\n' "$*" >&2
   exit 1
}

# What each group needs: how to tell that it is there (prog: a program, opt: one that is left out where there is no package, pc: a pkg-config module, hdr: a C header,
# py: a module of the distribution's Python, rsyslog: a module of rsyslog, file: a file, clang: an option that clang links with), the Debian package,
# the Fedora package ('-': none).
packages() {
   case $1 in
   build) cat <<'END' ;;
prog:python3            python3             python3
prog:gcc                gcc                 gcc
hdr:stdio.h             libc6-dev           glibc-devel
prog:meson              meson               meson
prog:ninja              ninja-build         ninja-build
prog:pkg-config         pkg-config          pkgconf-pkg-config
pc:jansson              libjansson-dev      jansson-devel
pc:libpcre2-8           libpcre2-dev        pcre2-devel
pc:openssl              libssl-dev          openssl-devel
pc:libzstd              libzstd-dev         libzstd-devel
pc:liblz4               liblz4-dev          lz4-devel
pc:lzo2                 liblzo2-dev         lzo-devel
hdr:bzlib.h             libbz2-dev          bzip2-devel
pc:zlib                 zlib1g-dev          zlib-devel
pc:liblzma              liblzma-dev         xz-devel
pc:yaml-0.1             libyaml-dev         libyaml-devel
pc:libpcap              libpcap-dev         libpcap-devel
pc:libxml-2.0           libxml2-dev         libxml2-devel
pc:fuse3                libfuse3-dev        fuse3-devel
pc:libcurl              libcurl4-openssl-dev libcurl-devel
pc:libidn2              libidn2-dev         libidn2-devel
pc:libmaxminddb         libmaxminddb-dev    libmaxminddb-devel
pc:libseccomp           libseccomp-dev      libseccomp-devel
pc:python3              python3-dev         python3-devel
pc:libhs                libhyperscan-dev    hyperscan-devel
py:yaml                 python3-yaml        python3-pyyaml
py:jinja2               python3-jinja2      python3-jinja2
pc:sqlite3             libsqlite3-dev      sqlite-devel
pc:libmicrohttpd       libmicrohttpd-dev   libmicrohttpd-devel
file:/usr/share/javascript/chart.js/chart.min.js libjs-chart.js -
pc:libcares             libc-ares-dev       c-ares-devel
pc:lua5.4               liblua5.4-dev       lua-devel
hdr:libsvm/svm.h        libsvm-dev          libsvm-devel
END
   check) cat <<'END' ;;
prog:git                git                 git
prog:clang              clang               clang
prog:clang-format       clang-format        clang-tools-extra
prog:clang-tidy         clang-tidy          clang-tools-extra
prog:llvm-symbolizer    llvm                llvm
prog:zstd               zstd                zstd
prog:lz4                lz4                 lz4
prog:openssl            openssl             openssl
prog:autoreconf         autoconf            autoconf
prog:automake           automake            automake
prog:make               make                make
prog:ip                 iproute2            iproute
prog:setarch            util-linux          util-linux
prog:valgrind           valgrind            valgrind
pc:cmocka               libcmocka-dev       libcmocka-devel
py:setuptools           python3-setuptools  python3-setuptools
py:wheel                python3-wheel       python3-wheel
py:numpy                python3-numpy       python3-numpy
py:pandas               python3-pandas      python3-pandas
prog:nfcapd             nfdump              nfdump
prog:kdig               knot-dnsutils       knot-utils
prog:nginx              nginx-light         nginx
prog:nfacctd            pmacct              pmacct
prog:softflowd          softflowd           softflowd
prog:tshark             tshark              wireshark-cli
prog:doxygen            doxygen             doxygen
py:jsonschema           python3-jsonschema  python3-jsonschema
py:aiosmtpd             python3-aiosmtpd    python3-aiosmtpd
py:pymongo              python3-pymongo     python3-pymongo
py:redis                python3-redis       python3-redis
prog:redis-server       redis-server        redis
prog:rsyslogd           rsyslog             rsyslog
opt:clickhouse-server   clickhouse-server   -
rsyslog:lmnsd_ossl      rsyslog-openssl     rsyslog-openssl
prog:chromium           chromium            chromium
clang:-fsanitize=fuzzer libclang-rt-dev     compiler-rt
END
   lab) cat <<'END' ;;
prog:python3            python3             python3
prog:ip                 iproute2            iproute
prog:ping               iputils-ping        iputils
prog:ethtool            ethtool             ethtool
prog:openssl            openssl             openssl
prog:tcpdump            tcpdump             tcpdump
prog:nmap               nmap                nmap
prog:masscan            masscan             masscan
prog:hping3             hping3              hping3
prog:nginx              nginx-light         nginx
prog:dnsmasq            dnsmasq-base        dnsmasq
prog:dig                bind9-dnsutils      bind-utils
prog:curl               curl                curl
prog:ssh                openssh-client      openssh-clients
prog:sshd               openssh-server      openssh-server
prog:zstd               zstd                zstd
prog:hydra              hydra               hydra
prog:medusa             medusa              medusa
prog:ncrack             ncrack              ncrack
prog:sshpass            sshpass             sshpass
prog:rsync              rsync               rsync
prog:telnetd            inetutils-telnetd   telnet-server
prog:inetutils-inetd    inetutils-inetd     inetutils
prog:telnet             inetutils-telnet    telnet
prog:vsftpd             vsftpd              vsftpd
prog:xrdp               xrdp                xrdp
prog:kamailio           kamailio            kamailio
prog:sipp               sip-tester          sipp
prog:svcrack            sipvicious          sipvicious
prog:iodine             iodine              iodine
prog:dns2tcpc           dns2tcp             dns2tcp
prog:swaks              swaks               swaks
prog:postfix            postfix             postfix
py:aiosmtpd             python3-aiosmtpd    python3-aiosmtpd
prog:sqlmap             sqlmap              sqlmap
END
   portability) cat <<'END' ;;
prog:debootstrap        debootstrap         debootstrap
prog:git                git                 git
END
   docs) cat <<'END' ;;
prog:doxygen            doxygen             doxygen
prog:sphinx-build       python3-sphinx      python3-sphinx
py:myst_parser          python3-myst-parser python3-myst-parser
py:furo                 furo                python3-furo
END
   package) cat <<'END' ;;
prog:dpkg-buildpackage  dpkg-dev            dpkg-dev
file:/usr/share/build-essential/essential-packages-list build-essential -
prog:dh                 debhelper           debhelper
prog:dh_python3         dh-python           dh-python
prog:lintian            lintian             lintian
pc:cmocka               libcmocka-dev       libcmocka-devel
prog:g++                g++                 gcc-c++
pc:libmicrohttpd        libmicrohttpd-dev   libmicrohttpd-devel
file:/usr/share/javascript/chart.js/chart.min.js libjs-chart.js -
END
   bench) cat <<'END' ;;
pc:libzmq               libzmq3-dev         zeromq-devel
hdr:nng/nng.h           libnng-dev          nng-devel
prog:nfpcapd            nfdump              nfdump
prog:softflowd          softflowd           softflowd
py:pandas               python3-pandas      python3-pandas
END
   *) die "no package group '$1' (build, check, docs, package, lab, bench or portability)" ;;
   esac
}

present() {
   case $1 in
   prog:*) command -v "${1#prog:}" >/dev/null 2>&1 ;;
   file:*) [ -e "${1#file:}" ] ;;
   py:*) /usr/bin/python3 -c "import ${1#py:}" >/dev/null 2>&1 ;;
   rsyslog:*) ls /usr/lib/*/rsyslog/"${1#rsyslog:}".so /usr/lib64/rsyslog/"${1#rsyslog:}".so 2>/dev/null | grep -q . ;;
   pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
   opt:*) command -v "${1#opt:}" >/dev/null ;;
   hdr:*) echo "#include <${1#hdr:}>" | gcc -E -xc - >/dev/null 2>&1 ;;
   clang:*)
      echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
         clang "${1#clang:}" -xc - -o /dev/null >/dev/null 2>&1
      ;;
   esac
}

as_root() {
   if [ "$(id -u)" = 0 ]; then
      "$@"
   else
      command -v sudo >/dev/null 2>&1 || die "not root and no sudo: cannot run '$*'"
      sudo "$@"
   fi
}

apt_install() {
   # Installing a server for the lab must not start it on this machine.
   local policy=/usr/sbin/policy-rc.d made='' status=0
   if [ ! -e $policy ]; then
      printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
      as_root chmod 755 $policy
      made=1
   fi
   # The package index that is there saves the slow update; a fresh machine has none, an old one may be stale.
   apt_get install "$@" >/dev/null 2>&1 || {
      echo "bootstrap.sh: updating the package index"
      apt_get update >/dev/null && apt_get install "$@" >/dev/null
   } || status=$?
   [ -z "$made" ] || as_root rm -f $policy
   return $status
}

apt_get() {
   as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends "$@" </dev/null
}

deps() {
   PATH=$PATH:/usr/sbin:/sbin
   local column group probe deb rpm package missing=()
   if command -v apt-get >/dev/null 2>&1; then
      column=deb
   elif command -v dnf >/dev/null 2>&1; then
      column=rpm
   else
      column=
   fi
   for group in "$@"; do
      while read -r probe deb rpm; do
         ! present "$probe" || continue
         package=$deb
         [ "$column" != rpm ] || package=$rpm
         [ "$package" != - ] || continue # what needs it is left out of the build
         case $probe in opt:*) apt-cache show "$package" >/dev/null 2>&1 || continue ;; esac
         case " ${missing[*]-} " in *" $package "*) continue ;; esac
         echo "bootstrap.sh: ${probe#*:} is missing: package $package"
         missing+=("$package")
      done < <(packages "$group")
   done
   [ ${#missing[@]} -gt 0 ] || return 0
   echo "bootstrap.sh: installing ${missing[*]}"
   case $column in
   deb) apt_install "${missing[@]}" || die "apt-get could not install: ${missing[*]}" ;;
   rpm) as_root dnf install -y -q "${missing[@]}" || die "dnf could not install: ${missing[*]}" ;;
   *) die "neither apt-get nor dnf here; please install: ${missing[*]}" ;;
   esac
}

# build DIR OPTION...: configures or reconfigures the build directory DIR and builds it.
build() {
   local dir=$1
   shift
   [ ! -f "$dir/meson-private/coredata.dat" ] || set -- --reconfigure "$@" # missing after a first configuration that failed
   if ! { meson setup "$dir" "$@" && ninja -C "$dir"; } >"$dir.log" 2>&1; then
      tail -n 40 "$dir.log" >&2
      die "the build in $dir failed (full log: $dir.log)"
   fi
}

option_of() { # DIR NAME: the value of an option of a build directory
   meson introspect "$1" --buildoptions |
      python3 -c 'import json, sys; print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == sys.argv[1]))' "$2"
}

# Sets privilege to the prefix of commands that write into DIR: empty or as_root. DIR is not created here, since uninstall removes
# only directories that the installation itself has created.
need_to_write() { # DIR
   local path=$1
   while [ ! -e "$path" ]; do
      path=$(dirname "$path")
   done
   [ ! -w "$path" ] || return 0
   [ "$(id -u)" = 0 ] || command -v sudo >/dev/null 2>&1 ||
      die "$path is not writable for this user, and there is no sudo: name another directory with --prefix DIR"
   privilege=as_root
}

# Installed paths, one a line; directories that were created for them follow their contents.
installed=build-install/meson-logs/install-log.txt

install_tree() {
   local options=(--buildtype=release -Dtests=false) prefix=/usr/local moduledir='' before='' before_prefix='' privilege=''
   while [ $# -gt 0 ]; do
      case $1 in
      --prefix | --moduledir)
         [ $# -ge 2 ] || die "$1 needs a directory"
         set -- "$1=$2" "${@:3}"
         ;;
      --prefix=*)
         # A prefix of one's own gets PREFIX/lib, without the distribution's architecture folder.
         prefix=$(realpath -m "${1#--prefix=}")
         options+=("--prefix=$prefix")
         [ "$prefix" = /usr ] || options+=(--libdir=lib)
         shift
         ;;
      --moduledir=*)
         moduledir=$(realpath -m -s "${1#--moduledir=}")
         options+=("-Dmoduledir=$moduledir")
         shift
         ;;
      *) die "install: unknown argument '$1' (expected --prefix DIR or --moduledir DIR)" ;;
      esac
   done
   need_to_write "${DESTDIR-}$prefix"
   [ -z "$moduledir" ] || need_to_write "${DESTDIR-}$moduledir"
   deps build
   if [ -f "$installed" ]; then
      before=$(cat "$installed")
      before_prefix=$(option_of build-install prefix)
   fi
   # New options need a new directory: meson keeps earlier options that are not given again.
   [ "$(cat build-install/bootstrap-options 2>/dev/null)" = "${options[*]}" ] || rm -rf build-install
   build build-install "${options[@]}"
   printf '%s\n' "${options[*]}" >build-install/bootstrap-options
   $privilege env ${DESTDIR+"DESTDIR=$DESTDIR"} meson install -C build-install --no-rebuild >>build-install.log 2>&1 || {
      tail -n 20 build-install.log >&2
      die "the installation in $prefix failed (full log: build-install.log)"
   }
   if [ "$before_prefix" = "$prefix" ]; then
      # Adds directories that an earlier installation created, and files that this one no longer has.
      printf '%s\n%s\n' "$(cat "$installed")" "$before" | grep -v '^#' | awk '!seen[$0]++' |
         while IFS= read -r path; do [ ! -e "$path" ] && [ ! -L "$path" ] || printf '%s\n' "$path"; done |
         $privilege sh -c 'list=$(cat) && printf "%s\n" "$list" >"$1"' _ "$installed"
   fi
   echo "bootstrap.sh: installed in ${DESTDIR-}$prefix"
}

uninstall_tree() {
   [ $# -eq 0 ] || die "uninstall: unknown argument '$1' (it takes away what install put in its place)"
   [ -f "$installed" ] || die "nothing to uninstall: there is no $installed"
   local first privilege=''
   first=$(grep -v '^#' "$installed" | head -n 1)
   need_to_write "$(dirname "$first")"
   $privilege ninja -C build-install uninstall >build-install.log 2>&1 || {
      tail -n 20 build-install.log >&2
      die "uninstalling failed (full log: build-install.log)"
   }
   $privilege rm -f "$installed"
   if [ "$(id -u)" = 0 ] || [ -n "$privilege" ]; then
      $privilege env "PATH=$PATH:/sbin:/usr/sbin" ldconfig 2>/dev/null || true
   fi
   echo "bootstrap.sh: uninstalled"
}

command=${1-help}
[ $# -eq 0 ] || shift
case $command in
deps)
   [ $# -gt 0 ] || set -- build check
   deps "$@"
   echo "bootstrap.sh: all packages of '$*' are there"
   ;;
check)
   deps build check
   exec python3 tests/check.py "$@"
   ;;
docs)
   deps build docs
   build build-demo --buildtype=release -Dtests=false # whose programs say what they do
   mkdir -p build-docs
   exec python3 docs/site/site_pages.py --build build-demo build-docs/html
   ;;
format)
   deps check
   exec python3 tests/check.py --apply-format
   ;;
install) install_tree "$@" ;;
uninstall) uninstall_tree "$@" ;;
package)
   deps build docs package
   exec python3 packaging/package.py "$@"
   ;;
release)
   deps build
   exec python3 packaging/release.py "$@"
   ;;
portability)
   deps portability
   as_root env PATH="$PATH:/usr/sbin:/sbin" python3 tests/portability.py "$@"
   ;;
demo)
   deps build
   build build-demo --buildtype=release -Dtests=false
   exec python3 tests/demo.py build-demo "$@"
   ;;
bench)
   deps build bench
   exec python3 bench/bench.py "$@"
   ;;
receivers)
   deps build check
   build build-receivers --buildtype=release
   exec env RECEIVERS_ALERTS="${1:-10000}" meson test -C build-receivers -v reporters_mail reporters_receivers alert_output_e2e
   ;;
kills)
   deps build check
   build build-kills --buildtype=release -Dtests=false
   exec python3 tests/kill_test.py build-kills/bin "${1:-600}" ${2:+"$2"}
   ;;
lab)
   deps lab
   as_root python3 tests/lab/lab.py "$@"
   ;;
help | -h | --help) usage ;;
*)
   usage >&2
   die "unknown command '$command'"
   ;;
esac
