#!/usr/bin/env bash
# Install the Debian packages that some tests use. Never a reason to stop: without one, the tests
# that use it are skipped and say why.
#   chromium     opens the report and the labelling page and looks whether they stand as they should
#   postgresql   a real server for the label store
set -uo pipefail

say() {
    echo "system packages: $1" >&2
}

have_chromium() {
    command -v chromium || command -v chromium-browser || command -v google-chrome
}

have_postgresql() {
    compgen -G "/usr/lib/postgresql/*/bin/initdb" || command -v initdb
}

missing=()
for package in chromium postgresql; do
    "have_$package" > /dev/null || missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

without() {
    say "$1; tests that need ${missing[*]} will be skipped"
    exit 0
}

command -v apt-get > /dev/null || without "no apt-get to install ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2> /dev/null || without "no right to install ${missing[*]}"
    as_root=(sudo -n)
fi

export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" timeout 300 apt-get update -qq > /dev/null || without "apt-get update failed"
for package in "${missing[@]}"; do # one by one: one that fails takes no other with it
    say "installing $package"
    "${as_root[@]}" timeout 600 apt-get install -y -qq --no-install-recommends "$package" > /dev/null \
        || say "apt-get could not install $package; tests that need it will be skipped"
done
exit 0
