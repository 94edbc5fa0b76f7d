# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: LGPL-2.1-or-later
# What goes wrong in the middle: the guest runs on at the source, no helper and no half-made domain stays.
guests tiny

# gate OCTETS: a filter that lets through so many, creates the file mid, and the rest once there is a file go.
gate() { echo "{ head -c $1; touch $PWD/mid; until [ -e $PWD/go ]; do sleep 0.1; done; cat; }"; }

# hold_migration SENDER RECEIVER: a guest g, whose migration is under way and gets no further.
hold_migration() {
    make_guest g memory=64 work=16,0,200
    xl_migrate "$1" "$2" g "$(gate 16000000)" >migrate.log 2>&1 &
    migration=$!
    await 240 test -e mid || fail "the migration did not begin: $(tail -n 3 migrate.log)"
    say "the migration is under way: $(domains)"
}

# it_fails: the held migration comes to its end, and says so.
it_fails() {
    local code=0
    touch go
    wait "$migration" || code=$?
    cat migrate.log
    [ $code -ne 0 ] || fail "xl migrate says that it succeeded"
    await 60 no_helpers || fail "a helper stays: $(helpers)"
}

# as_before ENGINE: the guest is alone, and well; and can be migrated after all.
as_before() {
    await 60 only_domain g || fail "there are: $(domains)"
    stays g
    rm -f mid go
    migrate_once "$1" "$1" g
}

# helper_dies SIGNAL WHICH SENDER RECEIVER: of the helpers WHICH is --save-domain or --restore-domain.
helper_dies() {
    hold_migration "$3" "$4"
    pkill "-$1" -f -- "save-helper $2" || fail "there is no helper with $2"
    it_fails
    as_before "$3"
}

# receiver_dies SENDER RECEIVER: xl at the receiving side; what it had begun to make stays, and is its own affair.
receiver_dies() {
    hold_migration "$1" "$2"
    pkill -KILL -f 'migrate-receive' || fail "there is no receiver"
    it_fails
    xl destroy g--incoming || true
    as_before "$1"
}

# sender_dies SENDER RECEIVER: xl at the sending side, and with it libxl.
sender_dies() {
    hold_migration "$1" "$2"
    pkill -KILL -f 'xl -v migrate -s' || fail "there is no sender"
    it_fails
    as_before "$1"
}

guest_destroyed() {
    hold_migration "$1" "$2"
    xl destroy g
    it_fails
    await 60 no_domains || fail "there are: $(domains)"
}

# hold_save ENGINE: a guest g that is suspended, and half saved.
hold_save() {
    make_guest g
    mkfifo pipe
    eval "$(gate 8000000)" <pipe >part.xl &
    quietly by "$1" xl -v save g pipe >migrate.log 2>&1 &
    migration=$!
    await 240 test -e mid || fail "the save did not begin: $(tail -n 3 migrate.log)"
}

saver_dies() {
    hold_save "$2"
    pkill "-$1" -f -- 'save-helper --save-domain' || fail "there is no helper"
    it_fails
    as_before "$2"
}

disk_full() {
    make_guest g
    mkdir small
    mount -t tmpfs -o size=12m tmpfs small
    if quietly by "$1" xl -v save g small/g.xl; then fail "xl save says that it succeeded"; fi
    umount small
    as_before "$1"
}

# cut_short ENGINE: a file that ends early leaves no domain.
cut_short() {
    make_guest g
    xl_save stock g g.xl
    truncate -s 12000000 g.xl
    if quietly by "$1" xl -v restore g.xl; then fail "xl restore says that it succeeded"; fi
    await 60 no_domains || fail "there are: $(domains)"
}

for engine in libsr stock; do
    for signal in KILL TERM; do
        add "sender-$signal-$engine" "helper of the sender gets SIG$signal in a migration by $engine" \
            helper_dies $signal --save-domain $engine $engine
        add "saver-$signal-$engine" "helper gets SIG$signal in an xl save by $engine" saver_dies $signal $engine
    done
    add "receiver-KILL-$engine" "helper of the receiver gets SIGKILL in a migration by $engine" \
        helper_dies KILL --restore-domain $engine $engine
    add "destroyed-$engine" "guest destroyed in a migration by $engine" guest_destroyed $engine $engine
    add "disk-full-$engine" "xl save by $engine to a disk that fills up" disk_full $engine
    add "cut-short-$engine" "xl restore by $engine of a file that ends early" cut_short $engine
done
add receiver-xl-KILL "xl of the receiver gets SIGKILL in a migration by libsr" receiver_dies libsr libsr
add sender-xl-KILL "xl of the sender gets SIGKILL in a migration by libsr" sender_dies libsr libsr
