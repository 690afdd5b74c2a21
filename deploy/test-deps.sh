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
need haproxy haproxy
need ip iproute2
need nft nftables
[ -e /usr/lib/dovecot/lmtp ] || missing="$missing dovecot-lmtpd"
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

# Servers that exclude each other as installed packages are unpacked into
# directories of their own, where bench/testbed looks for them.
cache=/var/cache/alphamail-testbed
unpack() { # server, packages…
	server=$1
	shift
	[ ! -e "$cache/$server" ] || return 0
	mkdir -p "$cache/$server.new/packages"
	chmod 755 "$cache/$server.new/packages"
	(
		cd "$cache/$server.new/packages"
		apt-get download -qq -o APT::Sandbox::User=root "$@" >/dev/null
		for package in *.deb; do dpkg -x "$package" ..; done
	)
	rm -r "$cache/$server.new/packages"
	mv "$cache/$server.new" "$cache/$server"
}
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	[ -e "$cache/cyrus" ] && [ -e "$cache/courier" ] && [ -e "$cache/postfix" ] || apt-get update -qq
	unpack cyrus cyrus-imapd cyrus-common sasl2-bin libical3 libpcre3 libxapian30 libzephyr4 libclamav12 libmspack0
	unpack courier libltdl7 courier-imap courier-base courier-authlib courier-authdaemon courier-authlib-userdb libcourier-unicode4 gamin libgamin0 libidn12 libpcre3
	unpack postfix postfix libnsl2 libicu72 libtirpc3
fi

if [ ! -d testdata/browser/node_modules ] && command -v npm >/dev/null; then
	(cd testdata/browser && npm ci --silent --no-audit --no-fund --ignore-scripts)
fi

if [ -n "$missing" ] || [ "$(id -u)" != 0 ]; then
	echo "These tests will be left out:"
	[ "$(id -u)" = 0 ] || echo "  - those against a real Dovecot: they need root"
	for package in $missing; do
		case $package in
		dovecot-imapd | dovecot-lmtpd) echo "  - those against a real Dovecot: $package is not installed" ;;
		nginx-light | roundcube-* | php-*) echo "  - those against a real Roundcube: $package is not installed" ;;
		chromium | npm) echo "  - those in a browser: $package is not installed" ;;
		lynx | w3m | curl | tmux) echo "  - those with $package, which is not installed" ;;
		*) echo "  - none, but pages in some scripts look wrong: $package is not installed" ;;
		esac
	done
	[ -z "${STRICT:-}" ] || { echo "STRICT is set: this is a failure."; exit 1; }
fi
