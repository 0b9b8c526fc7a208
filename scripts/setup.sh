#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the fastweight authors
#
# Set-up on a Debian or Ubuntu that may be bare: missing packages, configure, build. Sourced by run.sh and test.sh,
# which call fw_set_up and fw_build; executed alone it does the set-up and stops. Everything is idempotent: when
# nothing is missing, apt is not called at all.
#   FASTWEIGHT_JOBS      compile jobs at a time (default: cores, at most one per 1.5 GiB of free memory)
#   FASTWEIGHT_NO_APT=1  never install anything; only say what is missing
set -euo pipefail

fw_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
fw_preset=cpu
fw_build_dir=$fw_root/build/$fw_preset
fw_cmake_needed=3.25

fw_say() { printf '%s\n' "fastweight: $*"; }
fw_die() { printf '%s\n' "fastweight: $*" >&2; exit 1; }

# What is missing, as Debian package names. Tools count wherever they come from; libraries are header packages.
fw_missing_packages() {
  local tool package
  for tool in c++:build-essential cmake:cmake ninja:ninja-build; do
    command -v "${tool%%:*}" >/dev/null 2>&1 || echo "${tool#*:}"
  done
  for package in libeigen3-dev nlohmann-json3-dev libcli11-dev libfmt-dev doctest-dev; do
    fw_installed "$package" || echo "$package"
  done
}
fw_installed() { [[ $(dpkg-query -W -f='${Status}' "$1" 2>/dev/null) == *"ok installed" ]]; }

# What only the visualizer draws with; everything else builds without. Installed where that is possible, named where not. test.sh
# adds what its window is tested with (fw_test_packages).
fw_missing_viz_packages() {
  local package
  for package in libimgui-dev libstb-dev libglfw3-dev libgl-dev fonts-dejavu-core ${fw_test_packages:-}; do
    fw_installed "$package" || echo "$package"
  done
}

# The words to put before apt-get; fails when this user may not install packages.
fw_privilege() {
  if [[ $(id -u) == 0 ]]; then return 0; fi
  command -v sudo >/dev/null 2>&1 || return 1
  if [[ -t 0 ]]; then echo "sudo"; else sudo -n true 2>/dev/null && echo "sudo -n"; fi
}

# fw_apt PREFIX... -- ARGUMENTS...: apt-get, quiet, asked nothing, tried twice.
fw_apt() {
  local prefix=() log status=0
  while [[ $1 != -- ]]; do prefix+=("$1"); shift; done
  shift
  log=$(mktemp)
  for attempt in 1 2; do
    status=0
    ${prefix[@]+"${prefix[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 || status=$?
    [[ $status == 0 ]] && break
    [[ $attempt == 1 ]] && sleep "${FASTWEIGHT_RETRY_SECONDS:-3}"
  done
  if [[ $status != 0 ]]; then tail -n 20 "$log" >&2; fi
  rm -f "$log"
  return "$status"
}

fw_install_packages() {
  local missing words prefix=()
  if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    fw_say "not a Debian or Ubuntu: packages are not checked; CMake will say what it misses (Eigen, nlohmann-json, CLI11, fmt, doctest)"
    return 0
  fi
  mapfile -t missing < <(fw_missing_packages)
  if [[ ${#missing[@]} == 0 ]]; then
    fw_install_viz_packages
    return 0
  fi
  if [[ ${FASTWEIGHT_NO_APT:-0} == 1 ]]; then
    fw_die "missing packages: ${missing[*]} (FASTWEIGHT_NO_APT=1: nothing was installed)"
  fi
  words=$(fw_privilege) || fw_die "missing packages, and this user is neither root nor allowed to use sudo. Ask an administrator for:
  apt-get install ${missing[*]}"
  read -r -a prefix <<<"$words"
  fw_say "installing ${missing[*]}"
  fw_apt ${prefix[@]+"${prefix[@]}"} -- update || fw_die "apt-get update failed twice (see above)"
  fw_apt ${prefix[@]+"${prefix[@]}"} -- install -y --no-install-recommends "${missing[@]}" || fw_die "apt-get install failed twice (see above)"
  fw_install_viz_packages updated
}

# fw_install_viz_packages [updated]: never ends the set-up; "updated" when the lists of packages are fresh.
fw_install_viz_packages() {
  local wanted words prefix=()
  mapfile -t wanted < <(fw_missing_viz_packages)
  if [[ ${#wanted[@]} == 0 ]]; then return 0; fi
  if [[ ${FASTWEIGHT_NO_APT:-0} == 1 ]] || ! words=$(fw_privilege); then
    fw_say "the visualizer stays without pictures or window; its packages: ${wanted[*]}"
    return 0
  fi
  read -r -a prefix <<<"$words"
  fw_say "installing ${wanted[*]} (visualizer)"
  if [[ ${1:-} != updated ]]; then fw_apt ${prefix[@]+"${prefix[@]}"} -- update || true; fi
  fw_apt ${prefix[@]+"${prefix[@]}"} -- install -y --no-install-recommends "${wanted[@]}" ||
    fw_say "they could not be installed: the visualizer stays without pictures or window"
}

# fw_version_at_least HAVE NEED
fw_version_at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

fw_check_cmake() {
  local have
  command -v cmake >/dev/null 2>&1 || fw_die "cmake $fw_cmake_needed or newer is needed, found none"
  have=$(cmake --version | awk 'NR == 1 { print $3 }')
  fw_version_at_least "$have" "$fw_cmake_needed" || fw_die "cmake $fw_cmake_needed or newer is needed, found $have.
  Ubuntu 22.04 ships 3.22: use \"pip install cmake\", \"snap install cmake --classic\" or https://apt.kitware.com, then run this again."
}

# Free memory in MiB: the machine's, or what is left of the control group's limit when that is less.
fw_free_mib() {
  local free limit used
  free=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo 2>/dev/null || true)
  free=${free:-4096}
  if limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null) && [[ $limit =~ ^[0-9]+$ ]]; then
    used=$(cat /sys/fs/cgroup/memory.current 2>/dev/null || echo 0)
    limit=$(((limit - used) / 1048576))
    if ((limit < free)); then free=$limit; fi
  fi
  echo "$free"
}

fw_jobs() {
  local cores by_memory
  if [[ -n ${FASTWEIGHT_JOBS:-} ]]; then echo "$FASTWEIGHT_JOBS"; return; fi
  cores=$(nproc 2>/dev/null || echo 1)
  by_memory=$(($(fw_free_mib) / 1536))
  if ((by_memory < 1)); then by_memory=1; fi
  echo $((cores < by_memory ? cores : by_memory))
}

# fw_quietly LOG COMMAND...: output goes to the log, and to the screen only when the command fails.
fw_quietly() {
  local log=$1
  shift
  if ! "$@" >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    fw_die "failed: $* (whole log: ${log#"$fw_root"/})"
  fi
}

fw_configure() {
  local log=$fw_build_dir/configure.log cache=$fw_build_dir/CMakeCache.txt fresh=()
  mkdir -p "$fw_build_dir"
  if [[ -f $cache ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$fw_root" "$cache"; then
    fresh=(--fresh)  # the tree has moved: an old cache would point to the old place
  fi
  cd "$fw_root"
  fw_quietly "$log" cmake --preset "$fw_preset" ${fresh[@]+"${fresh[@]}"}
  sed -n 's/^-- \(CUDA: .*\)/fastweight: \1/p' "$log"
}

# fw_build [TARGET...]: ninja's own progress line on a terminal, a log otherwise.
fw_build() {
  local jobs began=$SECONDS targets=()
  jobs=$(fw_jobs)
  if (($# > 0)); then targets=(--target "$@"); fi
  cd "$fw_root"
  if [[ -t 1 ]]; then
    cmake --build --preset "$fw_preset" --parallel "$jobs" ${targets[@]+"${targets[@]}"} || fw_die "the build failed (see above)"
  else
    fw_quietly "$fw_build_dir/build.log" cmake --build --preset "$fw_preset" --parallel "$jobs" ${targets[@]+"${targets[@]}"}
  fi
  fw_say "built with $jobs job(s) in $((SECONDS - began)) s"
}

fw_set_up() {
  local began=$SECONDS
  fw_install_packages
  fw_check_cmake
  fw_configure
  fw_say "set up in $((SECONDS - began)) s (preset $fw_preset, ${fw_build_dir#"$fw_root"/})"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  case ${1:-} in
    "") fw_set_up ;;
    -h | --help) echo "usage: scripts/setup.sh    install what is missing and configure; run.sh and test.sh do this by themselves" ;;
    *) fw_die "setup.sh: unknown argument \"$1\" (try --help)" ;;
  esac
fi
