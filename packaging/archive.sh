#!/usr/bin/env bash
# Packs the command line for one target: archive.sh BINARY SHARE ARCHIVE, such as: archive.sh nearmiss share nearmiss-0.2.0-x86_64-unknown-linux-musl.tar.gz
#
# SHARE is what `nearmiss generate` writes. The archive has one folder, named after itself, and no time but SOURCE_DATE_EPOCH.
set -euo pipefail

binary=$1 share=$2 archive=$3
root=$(cd "$(dirname "$0")/.." && pwd)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

name=$(basename "$archive" .tar.gz)
mkdir "$stage/$name"
install -m 755 "$binary" "$stage/$name/nearmiss"
install -m 644 "$root/LICENSE" "$root/README.md" "$root/CHANGELOG.md" "$stage/$name"
cp -r "$share" "$stage/$name/share"
chmod -R u=rwX,go=rX "$stage/$name"
tar -C "$stage" --format=ustar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -c "$name" | gzip -9n > "$archive"
