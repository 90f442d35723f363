# SPDX-License-Identifier: BSD-2-Clause
# For scripts here: Debian's packages unpacked into the cache beside this machine's own, without installing them.
# Sourced after `set -eu`. Whatever cannot be had ends the script with 77 and the reason.

cache=${HOLDFAST_CACHE:-${XDG_CACHE_HOME:-${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}/.cache}/holdfast}

# cached NAME: sets dir; false when it has to be made. One process at a time goes on from here.
cached() {
    dir=$cache/$1
    [ ! -e "$dir/complete" ] || [ -w "$cache" ] || return 0
    mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || {
        echo "$cache cannot be written; HOLDFAST_CACHE may name another place" >&2
        exit 77
    }
    exec 9>"$dir.lock"
    flock 9
    [ ! -e "$dir/complete" ] || return 0
    rm -rf "$dir"
    return 1
}

# The mirror that this machine has its packages from.
mirror() {
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -E '/debian/?$' | head -n 1)
    echo "${uri:-http://deb.debian.org/debian}"
}

# unpack RELEASE ARCHITECTURE PACKAGE,... DIRECTORY
unpack() {
    command -v mmdebstrap >/dev/null || { echo "mmdebstrap is not installed" >&2; exit 77; }
    mmdebstrap --quiet --mode="$( [ "$(id -u)" = 0 ] && echo root || echo unshare )" --variant=extract \
        --architectures="$2" --aptopt='Acquire::Check-Valid-Until "false"' --include="$3" \
        "$1" "$4" "$(mirror)" >&2 || {
        rm -rf "$4"
        echo "$3 of Debian's $1 could not be fetched from $(mirror)" >&2
        exit 77
    }
}
