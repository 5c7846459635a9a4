#!/bin/sh
# Installs what the tests need on this machine: OpenSSH, PostgreSQL, MariaDB, SQLite, BusyBox,
# sudo, shellcheck, a C compiler for the race detector, and, for root, the accounts the tests log in to.
# With --full also buildah, 70 MB, which builds the container image, and Chromium, 400 MB, which looks at pages.
# Safe to run again: with everything in place it changes nothing and takes milliseconds.
set -eu

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

missing=
need() { # need <command> <package>
	command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need sshd openssh-server
need ssh openssh-client
need ssh-keygen openssh-client
need busybox busybox
need sudo sudo
need visudo sudo
need shellcheck shellcheck
need git git
need sqlite3 sqlite3
need mariadbd mariadb-server
need mariadb-dump mariadb-client
[ "${1:-}" != --full ] || need buildah buildah
if [ "${1:-}" = --full ] && ! command -v google-chrome >/dev/null 2>&1; then
	# Ubuntu has it as a snap only, which sees no profile in /tmp: there the tests that need it say that they were skipped.
	! grep -qx ID=debian /etc/os-release || need chromium chromium
fi
need cc gcc
[ -e /usr/include/stdlib.h ] || missing="$missing libc6-dev"
# Debian keeps the server's programs off the PATH.
postgres=
command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || {
	postgres=yes
	missing="$missing postgresql"
}
# shellcheck disable=SC2086 # a list of package names
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
missing=${missing% }

# as_root runs a command as root, through sudo where that needs no password.
if [ "$(id -u)" = 0 ]; then
	as_root() { "$@"; }
	can_install=yes
elif sudo -n true 2>/dev/null; then
	as_root() { sudo -n "$@"; }
	can_install=yes
else
	can_install=no
fi

if [ -n "$missing" ]; then
	if ! command -v apt-get >/dev/null 2>&1; then
		echo "setup: this machine has no apt-get. Install the equivalents of these Debian packages, then run this again: $missing" >&2
		exit 1
	fi
	if [ "$can_install" = no ]; then
		echo "setup: these packages are missing and installing them needs root:" >&2
		echo "  sudo apt-get install -y --no-install-recommends $missing" >&2
		exit 1
	fi
	echo "setup: installing $missing"
	# The tests start their own sshd and PostgreSQL. Unless a policy exists already, this keeps apt from starting
	# any, and no cluster is made for the system either.
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
		as_root chmod 755 "$policy"
		trap 'as_root rm -f "$policy"' EXIT
	fi
	cluster=/etc/postgresql-common/createcluster.conf
	if [ -n "$postgres" ] && [ ! -e "$cluster" ]; then
		as_root mkdir -p "${cluster%/*}"
		echo "create_main_cluster = false" | as_root tee "$cluster" >/dev/null
	fi
	# shellcheck disable=SC2086 # a list of package names
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1 || {
		as_root apt-get update -q
		# shellcheck disable=SC2086
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
	}
fi

# As root the tests log in to accounts of their own; otherwise to the current one.
# The password "*" matches nothing, and unlike useradd's default "!" does not lock the account for sshd.
if [ "$(id -u)" = 0 ]; then
	for account in cloudpilot-test cloudpilot-sudo; do
		id "$account" >/dev/null 2>&1 ||
			useradd --system --user-group --create-home --home-dir "/var/lib/$account" --shell /bin/sh \
				--password '*' --comment 'CloudAIPilot tests' "$account"
	done
fi
