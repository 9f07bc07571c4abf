#!/usr/bin/env bash
# Debian packages that the tests drive for real: a browser, an RTSP server, an MQTT broker, fonts. Without root, or without apt, it says which
# tests will skip, and why; the tests themselves look again for what is there.
set -u
packages=(chromium fonts-dejavu-core python3-gi gir1.2-gst-rtsp-server-1.0 mosquitto
          gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad)
missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "no apt-get here: browser and RTSP tests skip unless Chromium and GStreamer's RTSP server are there already"
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "not root: these are not installed: ${missing[*]}"
    echo "browser tests (chromium) and RTSP tests (GStreamer) that need them will skip and say so;"
    echo "to run them all: sudo apt-get install --no-install-recommends ${missing[*]}"
    exit 0
fi
echo "installing for the tests: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null \
    || echo "some of these could not be installed: ${missing[*]}; the tests that need them will skip and say so"
exit 0
