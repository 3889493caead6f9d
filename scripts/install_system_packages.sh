#!/usr/bin/env bash
# Install the Debian packages that some tests use. Never a reason to stop: without them those
# tests are skipped and say why.
#   chromium   opens the report and looks whether it stands as it should
set -uo pipefail

have_browser() {
    command -v chromium || command -v chromium-browser || command -v google-chrome
}

without() {
    echo "system packages: $1; tests that need chromium will be skipped" >&2
    exit 0
}

have_browser > /dev/null && exit 0
command -v apt-get > /dev/null || without "no chromium here, and no apt-get to install it"

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2> /dev/null || without "no chromium here, and no right to install it"
    as_root=(sudo -n)
fi

echo "system packages: installing chromium" >&2
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" timeout 300 apt-get update -qq > /dev/null || without "apt-get update failed"
"${as_root[@]}" timeout 600 apt-get install -y -qq --no-install-recommends chromium > /dev/null \
    || without "apt-get could not install chromium"
