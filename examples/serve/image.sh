#!/bin/sh
# Builds the image that Containerfile, beside this script, describes: image.sh [TAG]
#
# It needs Go, make, the machine's CA certificates, and one of docker, podman and buildah. No other image is fetched.
#   BUILDER        which of the three; without it the first one that is there
#   CERTIFICATES   PEM file of the certificate authorities that the control plane trusts
set -eu

tag=${1:-cloudaipilot}
certificates=${CERTIFICATES:-/etc/ssl/certs/ca-certificates.crt}
cd "$(dirname "$0")/../.."

builder=${BUILDER:-}
for program in docker podman buildah; do
	[ -n "$builder" ] || ! command -v "$program" >/dev/null || builder=$program
done
if [ -z "$builder" ]; then
	echo "image.sh: none of docker, podman and buildah is on this machine, and one of them has to make the image: install one" >&2
	exit 1
fi
if [ ! -r "$certificates" ]; then
	echo "image.sh: no CA certificates in $certificates: install ca-certificates, or name another file in CERTIFICATES" >&2
	exit 1
fi

# A static program: there is no C library in the image.
CGO_ENABLED=0 make build

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
chmod 0755 "$context"
install -d -m 0755 "$context/root" "$context/root/etc" "$context/root/etc/ssl" "$context/root/etc/ssl/certs" \
	"$context/root/var" "$context/root/var/lib" "$context/state"
install -d -m 1777 "$context/root/tmp"
install -d -m 0700 "$context/state/cloudaipilot" # the image's user gets it
install -m 0755 bin/terraform-provider-cloudaipilot "$context/root/cloudaipilot"
install -m 0644 "$certificates" "$context/root/etc/ssl/certs/ca-certificates.crt"
"$builder" build --tag "$tag" --file examples/serve/Containerfile "$context"
