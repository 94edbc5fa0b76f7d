# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the programs of tests/xenhost share: how they speak, where images lie, Debian packages.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XENHOST_DIR:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/libsr-xenhost}
release=bookworm
mirror=${XENHOST_MIRROR:-http://deb.debian.org/debian}
security=${XENHOST_SECURITY_MIRROR:-http://deb.debian.org/debian-security}

say() { echo "xenhost: $*" >&2; }
die() {
    say "$*"
    exit 1
}
# skip WHY: ends with what automake and CI take for "not run".
skip() {
    say "skipped: $*"
    exit 77
}

log=/dev/null
# step WHAT COMMAND...: runs it, with its output in the file $log, and says how long it took. A subshell, because a
# function that stands in a condition goes on after an error.
step() {
    local what=$1 begun=$SECONDS code
    shift
    set +e
    (set -e && "$@") >>"$log" 2>&1
    code=$?
    set -e
    if [ $code -ne 0 ]; then
        tail -n 30 "$log" | sed 's/^/    | /' >&2
        die "$what failed after $((SECONDS - begun)) s; all of its output is in $log"
    fi
    say "$(printf '%-58s %4d s' "$what" $((SECONDS - begun)))"
}

# need_packages PACKAGE...: installs what is missing; where that cannot be, skips and names it.
need_packages() {
    local package state missing=()
    for package; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || skip "this is not Debian, and these packages are missing: ${missing[*]}"
    [ "$(id -u)" -eq 0 ] || skip "run this as root, or: sudo apt-get install --no-install-recommends ${missing[*]}"
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # Another apt-get may be at work on this machine; a mirror may be slow.
    local apt=(apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600)
    { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } \
        </dev/null >/dev/null 2>&1 || skip "apt-get could not install ${missing[*]}"
}

# Debian's packages as the images take them: an apt of our own beside the machine's, so that nothing is installed here
# and source packages are at hand.
own_apt() {
    local program=$1 dir=$cache/apt
    shift
    "$program" -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$dir/sources.d" -o Dir::State="$dir/state" \
        -o Dir::State::status=/dev/null -o Dir::Cache="$dir/cache" -o APT::Architecture=amd64 -o Acquire::Retries=3 \
        -o APT::Sandbox::User=root "$@"
}

# debian_sources TYPES: the text of a .sources file.
debian_sources() {
    local signed=/usr/share/keyrings/debian-archive-keyring.gpg
    printf 'Types: %s\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' \
        "$1" "$mirror" "$release $release-updates" "$signed" "$1" "$security" "$release-security" "$signed"
}

update_own_apt() {
    mkdir -p "$cache"/apt/{sources.d,state/lists/partial,cache/archives/partial}
    debian_sources "deb deb-src" >"$cache/apt/sources.d/debian.sources"
    own_apt apt-get -q update
}

# version_of PACKAGE: of Debian's present one, as the last update saw it; "unknown" before the first.
version_of() {
    local version=
    [ ! -d "$cache/apt/state/lists/partial" ] ||
        version=$(own_apt apt-cache policy "$1" | awk '$1 == "Candidate:" { print $2 }')
    echo "${version:-unknown}"
}

# unpack_packages DIRECTORY PACKAGE...: downloads them, and takes them apart there.
unpack_packages() {
    local into=$1 deb
    shift
    mkdir -p "$into" debs
    (cd debs && own_apt apt-get -q download "$@")
    for deb in debs/*.deb; do dpkg-deb -x "$deb" "$into"; done
    rm -rf debs
}

# An image is a directory. images/PART.bash says what it is made of:
#   packages  Debian packages that building it needs on this machine
#   made_of   files of this directory
#   versions  Debian packages whose version decides what it becomes
#   build_image DIRECTORY   makes it there; the working directory is for scratch
# load_part PART: reads that, after what an absent list means.
load_part() {
    # shellcheck disable=SC2034  # build uses them
    packages=() made_of=() versions=()
    [ -e "$here/images/$1.bash" ] || die "there is no image called $1"
    # shellcheck source=/dev/null
    . "$here/images/$1.bash"
}

# image PART: the directory of its image, whether that is there or not. A change of what it is made of is another name.
image() (
    load_part "$1"
    made=$(cd "$here" && cat "images/$1.bash" "${made_of[@]}" | sha256sum | cut -c1-10)
    from=$(for package in "${versions[@]}"; do version_of "$package"; done | sha256sum | cut -c1-6)
    echo "$cache/images/$1-$made-$from"
)
