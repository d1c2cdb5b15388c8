#!/bin/sh
# Installs the programs of this directory, without a package manager.
# Installa i programmi di questa cartella, senza gestore di pacchetti.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)

case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in
it*) italian=1 ;;
*) italian= ;;
esac
say() { # ITALIAN ENGLISH
	if [ -n "$italian" ]; then printf '%s\n' "$1"; else printf '%s\n' "$2"; fi
}
fail() {
	say "$1" "$2" >&2
	exit 1
}
usage() {
	say "Uso: sh install.sh [--prefix CARTELLA] [--destdir CARTELLA] [--no-register]

  --prefix CARTELLA   dove installare (predefinito /usr/local; --prefix=/usr se AppArmor
                      confina il browser, --prefix=\$HOME/.local senza essere amministratore)
  --destdir CARTELLA  prepara un pacchetto sotto questa cartella; non registra niente
  --no-register       non dire niente a Firefox e a p11-kit" "Usage: sh install.sh [--prefix DIR] [--destdir DIR] [--no-register]

  --prefix DIR     where to install (/usr/local unless given; --prefix=/usr where AppArmor
                   confines the browser, --prefix=\$HOME/.local without being administrator)
  --destdir DIR    prepare a package below this directory; nothing is registered
  --no-register    tell neither Firefox nor p11-kit"
}

prefix=/usr/local
destdir=
register=1
while [ $# -gt 0 ]; do
	case $1 in
	--prefix=*) prefix=${1#*=} ;;
	--destdir=*) destdir=${1#*=} ;;
	--prefix | --destdir)
		[ $# -gt 1 ] || fail "install.sh: manca la cartella dopo $1" "install.sh: $1 needs a directory"
		if [ "$1" = --prefix ]; then prefix=$2; else destdir=$2; fi
		shift
		;;
	--no-register) register= ;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		usage >&2
		exit 2
		;;
	esac
	shift
done
case $prefix in
/*) ;;
*) fail "install.sh: la cartella $prefix deve cominciare con /" "install.sh: the directory $prefix must begin with /" ;;
esac
prefix=${prefix%/}
target=$destdir$prefix
[ -z "$destdir" ] || register=

# Where this system has PKCS#11 modules, below the prefix.
moddir=lib/pkcs11
for dir in lib/"$(uname -m)"-linux-gnu/pkcs11 lib64/pkcs11 lib/pkcs11; do
	if [ -d "$target/$dir" ]; then
		moddir=$dir
		break
	fi
done

list=share/cie/installed
old=
if [ -e "$target/$list" ]; then
	old=$(cat "$target/$list")
elif [ -e "$target/bin/cie" ] || [ -e "$target/bin/cie-gui" ]; then
	fail "In $prefix c'è già un'altra installazione (un pacchetto?). Rimuovila prima, o scegli un altro --prefix." \
		"There is another installation in $prefix (a package?). Remove it first, or choose another --prefix."
fi
top=
[ -d "$target" ] || top=./
if ! mkdir -p "$target" 2>/dev/null || [ ! -w "$target" ]; then
	fail "Non posso scrivere in $target: esegui 'sudo sh install.sh', oppure scegli un altro --prefix." \
		"Cannot write to $target: run 'sudo sh install.sh', or choose another --prefix."
fi

# place FILE: sets $to to where a file of this directory is installed below the prefix.
place() {
	case $1 in
	lib/pkcs11/*) to=$moddir/${1##*/} ;;
	*) to=$1 ;;
	esac
}

# The list is written first, so that an interrupted installation can be removed. It
# contains directories with a slash, without those that existed before.
new=$(cd "$here/files" && find . -type f | sed 's|^\./||' | LC_ALL=C sort | while read -r file; do
	place "$file"
	printf '%s\n' "$to"
done)
directories() {
	{ printf '%s\n' "$new" "$list"; } | while read -r file; do
		while [ "$file" != "${file%/*}" ]; do
			file=${file%/*}
			printf '%s/\n' "$file"
		done
	done | LC_ALL=C sort -u
}
made=$({
	printf '%s\n' "$top"
	directories | while read -r dir; do [ -d "$target/$dir" ] || printf '%s\n' "$dir"; done
	{
		directories
		printf '%s\n' "$old" | LC_ALL=C sort -u
	} | LC_ALL=C sort | uniq -d
} | grep . || true)
if printf '%s\n' "$old" | grep -qxF ./; then made=$(printf '%s\n./' "$made"); fi
mkdir -p "$target/${list%/*}"
{
	printf '%s\n' "$new" "$list"
	[ -z "$made" ] || printf '%s\n' "$made"
	[ -z "$old" ] || printf '%s\n' "$old"
} | LC_ALL=C sort -u >"$target/$list.new"
mv "$target/$list.new" "$target/$list"

# Copied into a new directory beside their places and renamed then: a running program or
# loaded module keeps its old file.
(cd "$here/files" && find . -type d | sed 's|^\./*||') | while read -r dir; do
	set --
	for file in "$here/files/$dir"/*; do
		[ ! -f "$file" ] || set -- "$@" "$file"
	done
	[ $# -gt 0 ] || continue
	place "$dir/${1##*/}"
	to=$target/${to%/*}
	[ ! -e "$to/cie.new" ] || rm -rf "$to/cie.new" # of an interrupted installation
	mkdir -p "$to/cie.new"
	cp "$@" "$to/cie.new"
	chmod u=rwX,go=rX "$to/cie.new"/*
	mv -f "$to/cie.new"/* "$to"
	rmdir "$to/cie.new"
done
# Remove the files of an older version that this one does not have.
{
	printf '%s\n' "$new" "$list" "$new" "$list"
	[ -z "$old" ] || printf '%s\n' "$old"
} | grep -v '/$' | LC_ALL=C sort | uniq -u | while read -r file; do rm -f -- "$target/$file"; done
{
	printf '%s\n' "$new" "$list"
	[ -z "$made" ] || printf '%s\n' "$made"
} | LC_ALL=C sort -u >"$target/$list.new"
mv "$target/$list.new" "$target/$list"

say "Installato in $prefix." "Installed in $prefix."
if [ -n "$register" ]; then
	system=
	[ "$(id -u)" != 0 ] || system=--system
	if [ -z "$old" ] && ! "$prefix/bin/cie" browsers enable $system; then
		say "I programmi sono installati, ma non tutto è registrato; dopo aver rimediato: cie browsers enable $system" \
			"The programs are installed, but not everything is registered; when that is mended: cie browsers enable $system"
	fi
fi
if ! command -v pcscd >/dev/null 2>&1 && [ ! -x /usr/sbin/pcscd ]; then
	say "Manca il servizio per i lettori: installa il pacchetto pcscd o pcsc-lite della tua distribuzione." \
		"The service for readers is missing: install the package pcscd or pcsc-lite of your distribution."
fi
say "Per rimuovere: sh $prefix/share/cie/uninstall.sh" "To remove: sh $prefix/share/cie/uninstall.sh"
