#!/bin/sh
# Give the tests of growing a Valkey or Redis and a PostgreSQL 17, if apt has them. Never fails, starts nothing; what is
# not there is skipped by the tests, loudly. PostgreSQL 16 comes with the package of the built-in one.

command -v apt-get >/dev/null 2>&1 || exit 0
if [ "$(id -u)" = 0 ]; then root=""; elif sudo -n true 2>/dev/null; then root="sudo -n"; else exit 0; fi

known() { apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [0-9]'; }

# The packages would start their servers: these only lend their programs.
install() {
    policy=/usr/sbin/policy-rc.d
    made=""
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | $root tee "$policy" >/dev/null && $root chmod 755 "$policy" && made=1
    fi
    echo "Installing $1 for the tests ..."
    DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends "$1" >/dev/null 2>&1
    [ -z "$made" ] || $root rm -f "$policy"
}

if ! command -v valkey-server >/dev/null 2>&1 && ! command -v redis-server >/dev/null 2>&1; then
    $root apt-get update -qq >/dev/null 2>&1
    for package in valkey-server redis-server; do
        if known "$package"; then install "$package"; break; fi
    done
fi

if [ ! -x /usr/lib/postgresql/17/bin/initdb ] && known postgresql-17; then
    # Without this file the package would make a cluster of its own.
    $root mkdir -p /etc/postgresql-common/createcluster.d
    echo "create_main_cluster = false" | $root tee /etc/postgresql-common/createcluster.d/observatory-tests.conf >/dev/null
    install postgresql-17
fi
exit 0
