#!/bin/bash
# Install a Debian package when what it brings is missing.
#     install.sh HEADER PACKAGE           a C header
#     install.sh --command NAME PACKAGE   a program
#     install.sh --library PART PACKAGE ...   a file of clang's runtime
set -u

have() {
    case "$kind" in
    header) echo "#include <$what>" | "${CC:-gcc}" -E -x c - >/dev/null 2>&1 ;;
    command) command -v "$what" >/dev/null 2>&1 ;;
    library) command -v clang >/dev/null 2>&1 &&
        ls "$(clang -print-resource-dir)"/lib/*/*"$what"* "$(clang -print-resource-dir)"/lib/*"$what"* 2>/dev/null | grep -q . ;;
    esac
}

kind=header
case "$1" in
--command) kind=command; shift ;;
--library) kind=library; shift ;;
esac
what=$1
shift
have && exit 0
as_root=()
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root=(sudo -n)
    else
        echo "missing: $what.  Install it as root:  apt-get install $*" >&2
        exit 1
    fi
fi
echo "installing $*"
export DEBIAN_FRONTEND=noninteractive
if ! "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1; then
    "${as_root[@]}" apt-get update -qq >/dev/null 2>&1
    if ! "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$@" >/dev/null; then
        echo "could not install: $*" >&2
        exit 1
    fi
fi
have || { echo "installed $*, but $what is still missing" >&2; exit 1; }
