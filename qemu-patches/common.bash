# shellcheck shell=bash
# For the scripts of this folder: messages, the series, what a tree of QEMU is.
#
#   say TEXT…                 a line on standard error
#   die TEXT…                 the same, and the end
#   series_read               sets patches, the names in the series, in its order
#   series_apply TREE         applies patches to the tree, no fuzz; says which one does not apply, and to which file
#   tree_version DIR          prints the version of a tree of QEMU 10.0; says what else it is

folder=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
# Messages of patch and apt are read.
export LC_ALL=C
patches=()

say() {
	echo "qemu-patches/${0##*/}: $*" >&2
}

die() {
	say "$@"
	exit 1
}

series_read() {
	local name
	patches=()
	while read -r name _; do
		[[ -n $name && $name != \#* ]] || continue
		[[ -f $folder/$name ]] || die "the series names $name, which is not in $folder"
		patches+=("$name")
	done <"$folder/series"
}

# What patch said of the hunks that failed, as "FILE (hunk 2), FILE (hunks 1 3)".
failed_hunks() {
	awk '/^(checking|patching) file / { hunks = "" }
		/^Hunk #[0-9]+ (FAILED|ignored)/ { n = $2; sub("#", "", n); hunks = hunks " " n }
		/saving rejects to file / {
			sub(".*saving rejects to file ", ""); sub("[.]rej$", "")
			printf "%s%s (hunk%s)", sep, $0, (hunks ~ / .* / ? "s" : "") hunks; sep = ", " }
		/^can.t find file to patch/ { missing = 1 }
		missing && /^[|][+][+][+] / { sub("^[|+ ]*[^/]*/", ""); sub("\t.*", "")
			printf "%s%s (no such file)", sep, $0; sep = ", " }
		/^No file to patch/ { missing = 0 }'
}

series_apply() {
	local tree=$1 name log where
	for name in "${patches[@]}"; do
		log=$(patch -d "$tree" -p1 -F0 -f -N --no-backup-if-mismatch <"$folder/$name" 2>&1) && continue
		where=$(failed_hunks <<<"$log")
		echo "$name does not apply: ${where:-${log##*$'\n'}}"
		return 1
	done
}

tree_version() {
	local version
	[[ -d $1 ]] || die "$1 is not a folder"
	[[ -f $1/VERSION && -f $1/configure && -f $1/hw/net/virtio-net.c ]] || die "$1 is not the source of QEMU"
	version=$(<"$1/VERSION")
	[[ $version =~ ^10\.0\.[0-9]+$ ]] || die "$1 is QEMU $version; the series is for 10.0.x"
	echo "$version"
}
