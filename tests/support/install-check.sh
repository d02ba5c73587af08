#!/bin/bash
# What `make install` installs is whole and works: programs, manual pages, the config file with all
# directives, the completion, the systemd unit.
#     install-check.sh BUILD
set -u
cd "$(dirname "$0")/../.." || exit 2
build=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
passed=0
failed=0

check() {
    local sentence=$1
    shift
    if "$@" >"$root/said" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "not so: $sentence"
        tail -n 20 "$root/said"
    fi
}

install_into_root() {
    make --no-print-directory install FLAVOUR="$(basename "$build")" PREFIX=/usr DESTDIR="$root/all"
}
conf=$root/all/etc/starling/starling.conf
is_everything_there() {
    local file
    for file in bin/starling-server bin/starling-cli share/man/man1/starling-server.1 \
        share/man/man1/starling-cli.1 share/man/man5/starling.conf.5 \
        share/doc/starling/starling.conf lib/systemd/system/starling.service \
        share/bash-completion/completions/starling-server \
        share/bash-completion/completions/starling-cli; do
        [ -s "$root/all/usr/$file" ] || { echo "no /usr/$file"; return 1; }
    done
    [ -s "$conf" ]
}
is_sample_accepted() {
    grep -E '^#[a-z]' "$conf" | sed 's/^#//' >"$root/full.conf"
    [ "$(wc -l <"$root/full.conf")" -gt 60 ] &&
        "$root/all/usr/bin/starling-server" --check-config "$root/full.conf"
}
is_sample_plain() {
    "$root/all/usr/bin/starling-server" --check-config "$conf"
}
is_config_kept() {
    echo "port 7777" >"$conf"
    install_into_root && [ "$(<"$conf")" = "port 7777" ]
}
does_unit_name_what_is_installed() {
    ! grep -q '@' "$root/all/usr/lib/systemd/system/starling.service" &&
        grep -q '^ExecStart=/usr/bin/starling-server ' "$root/all/usr/lib/systemd/system/starling.service" &&
        grep -q '^LoadCredential=starling.conf:/etc/starling/starling.conf$' "$root/all/usr/lib/systemd/system/starling.service"
}
do_pages_name_all_options() {
    local page
    for page in starling-server starling-cli; do
        "$root/all/usr/bin/$page" --help | grep -oE '^  +--[a-z-]+' | tr -d ' ' | sort -u |
            while read -r option; do
                grep -qF -- "${option//-/\\-}" "$root/all/usr/share/man/man1/$page.1" ||
                    { echo "$page.1 has no $option"; exit 1; }
            done || return 1
    done
}
completes() {
    local program=$1 word=$2 wanted=$3
    bash -c 'source "$1/usr/share/bash-completion/completions/$2"
             COMP_WORDS=("$2" $3); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
             _${2//-/_}; printf "%s\n" "${COMPREPLY[@]}"' - "$root/all" "$program" "$word" |
        grep -qxF -- "$wanted"
}
is_nothing_left() {
    make --no-print-directory uninstall PREFIX=/usr DESTDIR="$root/all" &&
        [ "$(find "$root/all" -type f -o -type l)" = "$conf" ]
}

check "make install installs" install_into_root
check "every file is there" is_everything_there
check "the sample starts as it is" is_sample_plain
check "every directive of the sample may be given with its default" is_sample_accepted
check "the unit names what was installed" does_unit_name_what_is_installed
check "manual pages name every option of --help" do_pages_name_all_options
check "flags of the server are completed" completes starling-server --cluster-en --cluster-enabled
check "commands are completed" completes starling-cli getr getrange
check "subcommands are completed" completes starling-cli "cluster coun" countkeysinslot
check "a config file that is there stays" is_config_kept
check "make uninstall leaves nothing but the config file" is_nothing_left
echo "$passed passed, $failed failed"
[ $failed = 0 ]
