#!/usr/bin/env bash
# Builds a Debian package of the command line: deb.sh BINARY SHARE ARCHITECTURE VERSION PACKAGE
#
# SHARE is what `nearmiss generate` writes. The binary is static, so the package depends on nothing. No time in it is later than SOURCE_DATE_EPOCH.
set -euo pipefail

binary=$1 share=$2 architecture=$3 version=$4 package=$5
root=$(cd "$(dirname "$0")/.." && pwd)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

install -D -m 755 "$binary" "$stage/usr/bin/nearmiss"
mkdir -p "$stage/usr/share/doc/nearmiss" "$stage/DEBIAN"
cp -r "$share/." "$stage/usr/share"
mv "$stage/usr/share/zsh/site-functions" "$stage/usr/share/zsh/vendor-completions"    # Debian's folder for packages
gzip -9n "$stage"/usr/share/man/man1/*.1
gzip -9nc "$root/CHANGELOG.md" > "$stage/usr/share/doc/nearmiss/changelog.gz"
cat > "$stage/usr/share/doc/nearmiss/copyright" <<END
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: nearmiss

Files: *
Copyright: the authors of nearmiss
License: Apache-2.0
 On Debian systems, the text of the licence is in /usr/share/common-licenses/Apache-2.0.
END
cat > "$stage/DEBIAN/control" <<END
Package: nearmiss
Version: $version
Architecture: $architecture
Maintainer: The authors of nearmiss
Installed-Size: $(du -sk --apparent-size "$stage/usr" | cut -f1)
Section: net
Priority: optional
Description: finds requests that were about to fail
 nearmiss reads the access logs of proxies and finds requests that succeeded
 only because of a retry, a fallback or a stale copy, or that came close to a
 timeout. It prints records and reports, and merges those of a fleet.
END
chmod -R u=rwX,go=rX "$stage"
dpkg-deb --root-owner-group -Zxz --build "$stage" "$package" >/dev/null
