#!/bin/sh
# Removes what install.sh installed. / Rimuove quello che install.sh ha installato.
set -eu

case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in
it*) italian=1 ;;
*) italian= ;;
esac
say() { # ITALIAN ENGLISH
	if [ -n "$italian" ]; then printf '%s\n' "$1"; else printf '%s\n' "$2"; fi
}

# This file is in PREFIX/share/cie.
target=$(cd "$(dirname "$0")/../.." && pwd)
list=$target/share/cie/installed
staged=
case ${1-} in
'') ;;
--no-register) staged=1 ;;
*)
	say "Uso: sh uninstall.sh [--no-register]" "Usage: sh uninstall.sh [--no-register]" >&2
	exit 2
	;;
esac
if [ ! -r "$list" ]; then
	say "Manca $list: non so che cosa rimuovere." "$list is missing: what to remove is not known." >&2
	exit 1
fi
if [ ! -w "$target/bin" ]; then
	say "Non posso scrivere in $target: usa sudo." "Cannot write to $target: use sudo." >&2
	exit 1
fi

if [ -z "$staged" ] && [ -x "$target/bin/cie" ]; then
	system=
	[ "$(id -u)" != 0 ] || system=--system
	"$target/bin/cie" browsers disable $system ||
		say "Qualche registrazione è rimasta; vedi sopra." "Some registration is left; see above." >&2
fi
# The list itself is deleted last, so that an interrupted removal can be repeated.
entries=$(LC_ALL=C sort -r "$list")
printf '%s\n' "$entries" | grep -v '/$' | while read -r file; do
	[ "$target/$file" = "$list" ] || rm -f -- "$target/$file"
	new=$target/${file%/*}/cie.new # of an interrupted installation
	[ ! -e "$new" ] || rm -rf "$new"
done
rm -f -- "$list"
printf '%s\n' "$entries" | grep '/$' | while read -r dir; do
	rmdir -- "$target/${dir#./}" 2>/dev/null || true
done
say "Rimosso." "Removed."
