#!/usr/bin/env bash
# Sets up what assayd is measured beside, in .make/peers: h2load and an environment for each peer. Needs no root.
# What cannot be had (elsewhere than on Debian 12, with no network) is left out with a line that says so.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
peers=$root/.make/peers
debian=$peers/debian
mkdir -p "$peers"

# h2load and libpython3.11, which Triton's stub of Python is linked to, with the libraries that a small system lacks
packages=(nghttp2-client libnghttp2-14 libev4 libjansson4 libjemalloc2 libxml2 libicu72 libpython3.11)
fetch_packages() {
  local apt=$peers/apt
  local options=(-qq -o APT::Sandbox::User=root -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache")
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$debian"
  (cd "$apt" && apt-get "${options[@]}" update && apt-get "${options[@]}" download "${packages[@]}" &&
    for package in *.deb; do dpkg-deb --extract "$package" "$debian" || exit 1; done)
  local status=$?
  rm -rf "$apt"
  return $status
}

# An environment, made by the Python $2, of what $1.txt says, with the same ONNX Runtime as assayd's.
install_peer() {
  local wanted=$peers/$1.wanted done=$peers/$1.installed
  { cat "$here/$1.txt" && grep '^onnxruntime==' "$root/constraints.txt"; } >"$wanted"
  cmp -s "$wanted" "$done" && return
  [ -x "$2" ] || return 1
  echo "installing $1 ..."
  rm -rf "${peers:?}/$1"
  # Debian's Python may lack ensurepip
  "$2" -m venv --without-pip "$peers/$1" &&
    "$python" -m pip --python "$peers/$1/bin/python" install --quiet --requirement "$wanted" &&
    mv "$wanted" "$done"
}

[ -x "$debian/usr/bin/h2load" ] || { echo "fetching h2load ..."; fetch_packages; } ||
  echo "h2load: not to be had here by apt-get; the load will come from a slower client in Python"
install_peer triton /usr/bin/python3.11 ||
  echo "Triton: left out, its packages or Debian's own Python 3.11, which it is linked to, are not to be had here"
install_peer mlserver "$python" ||
  echo "MLServer: left out, its packages are not to be had here"
