#!/bin/sh
# Give the browser tests a Chromium: the system's own, else one from apt. Never fails; says loudly when there is none.

for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done

install() {
    $1 apt-get update -qq && DEBIAN_FRONTEND=noninteractive $1 apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core
}

if command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium for the browser tests ..."
    if [ "$(id -u)" = 0 ]; then
        install "" >/dev/null && command -v chromium >/dev/null 2>&1 && exit 0
    elif sudo -n true 2>/dev/null; then
        install "sudo -n" >/dev/null && command -v chromium >/dev/null 2>&1 && exit 0
    fi
fi

echo "======================================================================" >&2
echo "NO CHROMIUM, AND NONE COULD BE INSTALLED: BROWSER TESTS WILL BE SKIPPED" >&2
echo "======================================================================" >&2
