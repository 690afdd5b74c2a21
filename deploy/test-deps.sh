#!/bin/sh
# Installs what the tests need beside Go, on Debian, as root: mail servers, a
# web mail to compare with, browsers, fonts. Elsewhere it says which tests will
# be left out. With STRICT=1 a missing tool is a failure.
set -eu
cd "$(dirname "$0")/.."

missing=""
need() { # command, Debian package
	command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need dovecot dovecot-imapd
need chromium chromium
need lynx lynx
need w3m w3m
need curl curl
need tmux tmux
need npm npm
need nginx nginx-light
fonts="fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji"
roundcube="roundcube-core roundcube-sqlite3 php-fpm php-sqlite3 php-intl php-mbstring php-xml"
for package in $fonts $roundcube; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done

if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	# Debian starts a service as soon as it is installed, unless this forbids it.
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod +x "$policy"
		trap 'rm -f "$policy"' EXIT
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	# The minus sign keeps away Apache, which Debian's PHP would bring along.
	# shellcheck disable=SC2086 # a list of words
	apt-get install -y -qq --no-install-recommends $missing apache2-bin- >/dev/null
	missing=""
fi

if [ ! -d testdata/browser/node_modules ] && command -v npm >/dev/null; then
	(cd testdata/browser && npm ci --silent --no-audit --no-fund --ignore-scripts)
fi

if [ -n "$missing" ] || [ "$(id -u)" != 0 ]; then
	echo "These tests will be left out:"
	[ "$(id -u)" = 0 ] || echo "  - those against a real Dovecot: they need root"
	for package in $missing; do
		case $package in
		dovecot-imapd) echo "  - those against a real Dovecot: $package is not installed" ;;
		nginx-light | roundcube-* | php-*) echo "  - those against a real Roundcube: $package is not installed" ;;
		chromium | npm) echo "  - those in a browser: $package is not installed" ;;
		lynx | w3m | curl | tmux) echo "  - those with $package, which is not installed" ;;
		*) echo "  - none, but pages in some scripts look wrong: $package is not installed" ;;
		esac
	done
	[ -z "${STRICT:-}" ] || { echo "STRICT is set: this is a failure."; exit 1; }
fi
