#!/usr/bin/env bash
# Install the programs the tests talk to, those only that are missing. Needs root and apt-get. Without them, or with
# PEERS=skip, the tests of a missing peer are skipped; where CI is set, what cannot be installed is an error.
# `install_peers.sh check` only says, by its exit status, whether all are there.
set -euo pipefail

# command or library, and Debian's package of it
wanted='
sshd openssh-server
ssh openssh-client
dropbear dropbear-bin
tinysshd tinysshd
gpg-agent gpg-agent
plink putty-tools
socat socat
nc netcat-openbsd
tinyproxy tinyproxy-bin
microsocks microsocks
chromium chromium
less less
vim vim
htop htop
tmux tmux
xauth xauth
rsync rsync
libnss_wrapper.so libnss-wrapper
nsd nsd
unbound unbound
ldns-signzone ldnsutils
ip iproute2
'

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
is_there() {
    case $1 in
        *.so) ldconfig -p | grep "^[[:space:]]*$1 " >/dev/null ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

packages=()
while read -r name package; do
    [ -z "$name" ] || is_there "$name" || packages+=("$package")
done <<<"$wanted"
[ ${#packages[@]} -gt 0 ] || exit 0
[ "${1:-}" != check ] || exit 1

if [ "${PEERS:-install}" = skip ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Tests of missing programs will be skipped. On Debian or Ubuntu, as root: apt-get install ${packages[*]}" >&2
    exit 0
fi

echo "Installing for the tests: ${packages[*]} (PEERS=skip leaves them out) ..." >&2
export DEBIAN_FRONTEND=noninteractive
install() {
    apt-get -qq -o Acquire::Retries=3 update &&
        apt-get -qq -y -o Acquire::Retries=3 install --no-install-recommends "${packages[@]}"
}
log=$(mktemp)
# The tests start servers themselves: none of these need be a service of the machine (invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d
if [ -e "$policy" ]; then policy=$log; else printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"; fi
trap 'rm -f "$log" "$policy"' EXIT
if ! install </dev/null >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "apt-get could not install ${packages[*]}." >&2
    [ -z "${CI:-}" ] || exit 1
fi
