#!/usr/bin/env bash
# Installs the programs that the interop tests run against, from Debian's packages. Those from npm come with `npm ci`.
set -euo pipefail

packages=(
  chromium      # a browser, run without a window
  coturn        # turnserver; turnutils_uclient, _peer, _stunclient, _natdiscovery
  haproxy       # a load balancer that sends PROXY headers
  iproute2      # ip: network namespaces
  libnss3-tools # certutil: which authorities Chromium trusts
  nftables      # nft: real NATs in network namespaces
  openssl       # certificates for the tests
  prometheus    # promtool: alert rules
  redis-server  # a store that several daemons share
  stun-client   # stun: NAT discovery of RFC 3489
  systemd       # systemd-analyze, systemd-notify
)

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

missing=()
for package in "${packages[@]}"; do
  dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" = 0 ]; then
  echo "all peers are installed: ${packages[*]}"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
as_root apt-get update --quiet
as_root apt-get install --quiet --yes --no-install-recommends "${missing[@]}"
