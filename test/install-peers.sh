#!/usr/bin/env bash
# Installs the programs that the interop tests run against, from Debian's packages. Those from npm come with `npm ci`.
set -euo pipefail

packages=(
  coturn    # turnserver; turnutils_uclient, _peer, _stunclient, _natdiscovery
  haproxy   # a load balancer that sends PROXY headers
  iproute2  # ip: network namespaces
  openssl   # certificates for the tests
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
