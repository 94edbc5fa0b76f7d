# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: LGPL-2.1-or-later
# What cases use in dom0: guests that check themselves, engines, saving, restoring and migrating with either.
set -euo pipefail

stock_helper=/usr/lib/xen-4.17/bin/libxl-save-helper
console_logs=/var/log/xen/console

say() { echo "## $*"; }
# fail WHY: the verdict of the case.
fail() {
    echo "$*" >"$why"
    say "FAILED: $*"
    exit 1
}
# not_here WHY: the case cannot be run on this host, or with this build.
not_here() {
    echo "$*" >"$why"
    exit 77
}

# await SECONDS TEST...: until the test holds.
await() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $until ] || return 1
        sleep 0.5
    done
}

# helper_of ENGINE: the save helper of libsr or of stock.
helper_of() {
    local path=$stock_helper
    [ "$1" = stock ] || path=$(find /usr/local -name libsr-save-helper -type f | head -n 1)
    [ -n "$path" ] || not_here "this build installs no libsr-save-helper"
    echo "$path"
}

# by ENGINE COMMAND...: with that engine's helper beneath libxl.
by() {
    local helper
    helper=$(helper_of "$1")
    shift
    LIBXL_SAVE_HELPER=$helper "$@"
}

# make_guest NAME [SETTING=VALUE]...: a guest that runs, and has counted a few ticks. Settings are those of
# xl.cfg, and: kernel=tiny|debian, work=MEGABYTES,TABLES,PAGES of guest/work.c, append=WORDS of its kernel's command line.
make_guest() {
    local name=$1 kernel=${guest_kernel:-tiny} work=4,0,64 memory=24 append='' setting
    shift
    [ "$kernel" = tiny ] || memory=96
    {
        for setting in type=\"pv\" vcpus=1 'on_crash="preserve"' "$@"; do
            case $setting in
                kernel=*) kernel=${setting#*=} ;;
                work=*) work=${setting#*=} ;;
                append=*) append=" ${setting#*=}" ;;
                memory=*) memory=${setting#*=} ;;
                *) echo "$setting" ;;
            esac
        done
        echo "name=\"$name\""
        echo "memory=$memory"
        echo "kernel=\"/in/$kernel-vmlinux\""
        echo "ramdisk=\"/in/guest-initrd\""
        echo "extra=\"console=hvc0 loglevel=4 work=$work$append\""
    } >"$name.cfg"
    echo "$name" >>guests
    xl create -q "$name.cfg" || fail "xl create failed"
    await 240 counted_to "$name" 3 || fail "the guest did not start: $(tail -n 3 "$(console_of "$name")" 2>&1)"
}

# console_of NAME: the log that grows; that of a domain that was migrated in has another name.
console_of() {
    local own=$console_logs/guest-$1.log incoming=$console_logs/guest-$1--incoming.log
    if [ "$incoming" -nt "$own" ]; then echo "$incoming"; else echo "$own"; fi
}

# last_tick NAME: the last line of the guest's count that is there whole. It is asked often, of an emulated machine,
# where each program that is started costs: hence bash alone.
last_tick() {
    local text
    { text=$(<"$(console_of "$1")"); } 2>/dev/null || return 0
    text=${text%$'\n'*}
    text=${text##*TICK }
    [[ ! $text =~ ^[0-9]+\ bad=[0-9]+\ fpu=[0-9]+ ]] || echo "TICK ${BASH_REMATCH[0]}"
}
# count_of NAME: how far the guest has counted; -1 before it begins.
count_of() {
    local tick
    tick=$(last_tick "$1")
    if [[ $tick =~ ^TICK\ ([0-9]+) ]]; then echo "${BASH_REMATCH[1]}"; else echo -1; fi
}
counted_to() { [ "$(count_of "$1")" -ge "$2" ]; }

# goes_on NAME FROM: the guest counts on from there, did not start anew, and everything that it ever wrote is as it was.
# To be sure of that it has to have been around its memory once.
goes_on() {
    local name=$1 from=$2 ticks=${3:-10}
    await 240 counted_to "$name" $((from + ticks)) ||
        fail "$name does not go on from $from: $(last_tick "$name"); $(xl list "$name" 2>&1 | tail -n 1)"
    [[ $(last_tick "$name") == *" bad=0 fpu=0" ]] || fail "$name lost memory or registers: $(last_tick "$name")"
    [ "$(cat "$console_logs/guest-$name"*.log | grep -ac '^GUEST works')" -le 1 ] || fail "$name has started anew"
    say "$name: $(last_tick "$name")"
}

# stays NAME: the guest is where it was, and goes on.
stays() { goes_on "$1" "$(count_of "$1")"; }

# quietly COMMAND...: without xl's progress.
quietly() { "$@" 2>&1 | grep -avE 'progress|Frames:|^$' || [ "${PIPESTATUS[0]}" -eq 0 ]; }

# xl_save ENGINE [-c] NAME FILE; xl_restore ENGINE FILE
xl_save() { quietly by "$1" xl -v save "${@:2}" || fail "xl save by $1 failed"; }
xl_restore() { quietly by "$1" xl -v restore "${@:2}" || fail "xl restore by $1 failed"; }

# receiver ENGINE [FILTER]: writes a program that receives by that engine, what a filter lets through; prints its name.
receiver() {
    local program
    program=$(mktemp /root/receive.XXXX)
    printf '#!/bin/bash\n%s LIBXL_SAVE_HELPER=%s exec xl -v migrate-receive\n' "${2:+$2 |}" "$(helper_of "$1")" >"$program"
    chmod +x "$program"
    echo "$program"
}

# xl_migrate SENDER RECEIVER NAME [FILTER]: to this same host.
xl_migrate() {
    local program
    program=$(receiver "$2" "${4:-}")
    quietly by "$1" xl -v migrate -s '' "$3" "$program"
}

domains() { xl list | awk 'NR > 1 && $1 != "Domain-0" { print $1 "(" $2 ") " $5 }'; }
no_domains() { [ -z "$(domains)" ]; }
helpers() { pgrep -fa 'save-helper|convert-legacy' || true; }
no_helpers() { [ -z "$(helpers)" ]; }
free_memory() { xl info free_memory; }

# only_domain NAME: beside dom0 there is this one, and no half-made other.
only_domain() { [[ "$(domains)" =~ ^$1\([0-9]+\)\ [^$'\n']*$ ]]; }

# verified FILE: Xen's own judge of streams has nothing to say.
verified() {
    PYTHONPATH=/usr/lib/xen-4.17/lib/python /usr/lib/xen-4.17/bin/verify-stream-v2 -f xl -i "$1" >verify.log 2>&1 ||
        fail "verify-stream-v2: $(tail -n 1 verify.log)"
}
