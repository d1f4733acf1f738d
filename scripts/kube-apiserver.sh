#!/usr/bin/env bash
# Builds kube-apiserver from Debian's source package `kubernetes` with Debian's Go, for test/engines: no package has
# the program. It is built once for a machine, and lies in ~/.cache/jwksd. Prints its path. Needs root for apt-get.
set -euo pipefail
cache=${XDG_CACHE_HOME:-$HOME/.cache}/jwksd
target=$cache/kube-apiserver
if test -x "$target"; then
  echo "$target"
  exit 0
fi
mkdir -p "$cache"
work=$(mktemp -d "$cache/build-XXXXXX")
finish() {
  local code=$?
  test "$code" -eq 0 || tail -n 20 "$cache/kube-apiserver.log" >&4
  chmod -R u+w "$work"
  rm -rf "$work"
}
trap finish EXIT
exec 3>&1 4>&2 >"$cache/kube-apiserver.log" 2>&1

if ! { command -v go && command -v rsync && command -v dpkg-source && command -v make && command -v patch; }; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends golang-go rsync dpkg-dev make patch xz-utils
fi
# The sources have a list of their own: that of the machine stays as it is.
keys=/usr/share/keyrings/debian-archive-keyring.gpg
list() { apt-get indextargets --format "deb-src [signed-by=$keys] \$(REPO_URI) \$(RELEASE) \$(COMPONENT)" 'Identifier: Packages' 'Origin: Debian'; }
mkdir -p "$work/lists/partial" "$work/parts"
list >"$work/sources.list"
if ! test -s "$work/sources.list"; then
  apt-get update -qq
  list >"$work/sources.list"
fi
sources=(-o "Dir::Etc::sourcelist=$work/sources.list" -o "Dir::Etc::sourceparts=$work/parts" -o "Dir::State::lists=$work/lists")
sources+=(-o APT::Sandbox::User=root)
cd "$work"
apt-get "${sources[@]}" update -qq
apt-get "${sources[@]}" source -qq kubernetes
cd kubernetes-*/
version=$(basename "$PWD" | sed 's/^kubernetes-//; s/.*+really//; s/[+~].*//')
IFS=. read -r major minor _ <<<"$version"
# Nothing is fetched, and there is no git to ask for the version.
export GOPATH="$work/go" GOCACHE="$work/go-cache" GO111MODULE=off GOPROXY=off GOFLAGS=-p=2 CGO_ENABLED=0
export KUBE_GIT_VERSION="v$version" KUBE_GIT_COMMIT=archive KUBE_GIT_TREE_STATE=archive
export KUBE_GIT_MAJOR="$major" KUBE_GIT_MINOR="$minor"
make WHAT=cmd/kube-apiserver
mv "$(find _output -name kube-apiserver -type f | head -n 1)" "$target"
echo "$target" >&3
