#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# scripts/setup.sh under pretended machines: apt is called only when something is missing, with root or sudo, twice at
# most; without either the message names the packages; old cmake is refused; jobs follow cores and memory.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/../../scripts/setup.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export FASTWEIGHT_RETRY_SECONDS=0
unset FASTWEIGHT_JOBS FASTWEIGHT_NO_APT
faults=0

# The pretended machine. apt-get and sudo are programs, as env must find them.
mkdir "$work/bin"
cat >"$work/bin/apt-get" <<'TEXT'
#!/usr/bin/env bash
echo "apt-get $*" >>"$CALLS"
if [[ -s $FAILURES ]]; then sed -i 1d "$FAILURES"; echo "no network" >&2; exit 100; fi
TEXT
cat >"$work/bin/sudo" <<'TEXT'
#!/usr/bin/env bash
echo "sudo $*" >>"$CALLS"
[[ -e $NO_SUDO ]] && exit 1
[[ $1 == -n ]] && shift
"$@"
TEXT
chmod +x "$work/bin/apt-get" "$work/bin/sudo"
export PATH="$work/bin:$PATH" CALLS=$work/calls FAILURES=$work/failures NO_SUDO=$work/no_sudo
dpkg-query() { [[ " ${absent:-} " == *" ${*: -1} "* ]] && return 1; echo "install ok installed"; }
id() { echo "$user"; }
cmake() { echo "cmake version $cmake_version"; }

# try WHAT COMMAND...: runs it in its own shell on a clean machine; sets `said`, `calls`, `status`.
try() {
  : >"$CALLS"
  status=0
  said=$("$@" 2>&1 </dev/null) || status=$?
  calls=$(cat "$CALLS")
}
expect() {
  local what=$1
  shift
  if ! "$@"; then
    printf '%s\n' "wrong: $what (exit status $status, said: $said, called: $calls)"
    faults=$((faults + 1))
  fi
}
says() { [[ $said == *"$1"* ]]; }
called() { [[ $(grep -c -- "$1" <<<"$calls") == "$2" ]]; }

user=0 absent="" try fw_install_packages
expect "nothing missing: no apt call" test "$status:$calls" = "0:"

user=0 absent="libfmt-dev doctest-dev" try fw_install_packages
expect "root installs" test "$status" = 0
expect "one update" called " update" 1
expect "only what is missing" called "install -y --no-install-recommends libfmt-dev doctest-dev$" 1
expect "no sudo for root" called "^sudo" 0

user=1000 absent="libfmt-dev" try fw_install_packages
expect "a user installs with sudo" test "$status" = 0
expect "through sudo" called "^sudo -n env DEBIAN_FRONTEND=noninteractive apt-get" 2

touch "$NO_SUDO"
user=1000 absent="libfmt-dev" try fw_install_packages
expect "no rights: refused" test "$status" = 1
expect "no rights: the message names the package" says "apt-get install libfmt-dev"
expect "no rights: no apt call" called "^apt-get" 0
rm "$NO_SUDO"

echo once >"$FAILURES"
user=0 absent="libfmt-dev" try fw_install_packages
expect "one failure is retried" test "$status" = 0
expect "one more update" called " update" 2

printf '1\n2\n' >"$FAILURES"
user=0 absent="libfmt-dev" try fw_install_packages
expect "two failures end it" test "$status" = 1
expect "the reason is shown" says "no network"
: >"$FAILURES"

export FASTWEIGHT_NO_APT=1
user=0 absent="libcli11-dev" try fw_install_packages
expect "FASTWEIGHT_NO_APT: refused, named, no call" test "$status:$calls" = "1:"
expect "FASTWEIGHT_NO_APT: names it" says "libcli11-dev"
unset FASTWEIGHT_NO_APT

user=0 absent="libimgui-dev libglfw3-dev" try fw_install_packages
expect "the visualizer's packages are installed too" called "install -y --no-install-recommends libimgui-dev libglfw3-dev$" 1
printf '1\n2\n3\n4\n' >"$FAILURES"
user=0 absent="libimgui-dev" try fw_install_packages
expect "but nothing depends on them" test "$status" = 0
expect "and it is said what is missing" says "without pictures or window"
: >"$FAILURES"
touch "$NO_SUDO"
user=1000 absent="libimgui-dev" try fw_install_packages
expect "no rights: the visualizer's packages are named" says "its packages: libimgui-dev"
expect "no rights: that is no failure" test "$status" = 0
rm "$NO_SUDO"

cmake_version=3.22.1 try fw_check_cmake
expect "cmake 3.22 is refused" test "$status" = 1
expect "and the way out is named" says "found 3.22.1"
cmake_version=3.25.1 try fw_check_cmake
expect "cmake 3.25 is enough" test "$status" = 0
cmake_version=4.0.2 try fw_check_cmake
expect "cmake 4 is enough" test "$status" = 0

fw_free_mib() { echo 2000; }
try fw_jobs
expect "2 GiB: one job" test "$said" = 1
fw_free_mib() { echo 9999999; }
try fw_jobs
expect "much memory: all cores" test "$said" = "$(nproc)"
FASTWEIGHT_JOBS=7 try fw_jobs
expect "FASTWEIGHT_JOBS decides" test "$said" = 7

for script in run test setup; do
  try "$here/../../scripts/$script.sh" --help
  expect "$script.sh --help" says "usage: scripts/$script.sh"
done
try "$here/../../scripts/run.sh" --nonsense
expect "run.sh refuses what it does not know" test "$status" = 1

echo "$faults faults"
[[ $faults == 0 ]]
