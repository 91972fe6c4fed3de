# shellcheck shell=bash
# Where the source of QEMU comes from: QEMU_SRC=DIR, QEMU_TARBALL=FILE, or else Debian, by a configuration of apt that lives
# in one folder; nothing is installed, and the machine's package sources stay as they are.
#
#   source_name               sets source to what names it: "dir …", "tarball …", or "debian" alone: the version is not
#                             known without the network
#   source_debian DIR         makes DIR the private apt's folder and reads the package lists
#   source_versions           prints the versions of qemu 10.0 that the mirror offers, newest first
#   source_unpack TREE [V]    unpacks the source, of Debian's version V if it is Debian's, as the new folder TREE
#   source_tools              unpacks meson and pycotap beside the lists, if the machine's own are too old; sets tools to
#                             their folder, or to nothing

suites=(trixie bookworm-backports)

source_name() {
	local list
	[[ -z ${QEMU_SRC:-} || -z ${QEMU_TARBALL:-} ]] || die "QEMU_SRC and QEMU_TARBALL are both set; give one"
	source=debian
	if [[ -n ${QEMU_SRC:-} ]]; then
		tree_version "$QEMU_SRC" >/dev/null
		[[ -e $QEMU_SRC/subprojects/keycodemapdb/meson.build ]] ||
			die "$QEMU_SRC lacks subprojects/keycodemapdb; run there: meson subprojects download keycodemapdb" \
				"berkeley-softfloat-3 berkeley-testfloat-3"
		list=$(cd "$QEMU_SRC" && find . \( -name .git -o -path ./build \) -prune -o -type f -printf '%P %s %T@\n' | sort)
		source="dir $(sha256sum <<<"$list" | cut -c 1-16)"
	elif [[ -n ${QEMU_TARBALL:-} ]]; then
		[[ -f $QEMU_TARBALL && -r $QEMU_TARBALL ]] || die "QEMU_TARBALL: cannot read the file $QEMU_TARBALL"
		source="tarball $(sha256sum <"$QEMU_TARBALL" | cut -c 1-16)"
	fi
}

failed() {
	die "$1; is the network there? $(grep -m 1 '^[EW]:' "$lists/log" || tail -n 1 "$lists/log")"
}

# The mirror that the machine takes bookworm from, and whether it trusts it without signatures.
# shellcheck disable=SC2016  # indextargets' own $(…)
mirror() {
	apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT) $(TRUSTED)' 'Created-By: Packages' |
		awk '$2 == "bookworm" && $3 == "main" { print $1, $4; exit }'
}

source_debian() {
	local uri trusted options suite keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	[[ -z ${apt+set} ]] || return 0
	lists=$1
	read -r uri trusted < <(mirror) ||
		die "this machine has no package source for bookworm, main; give QEMU_SRC=DIR or QEMU_TARBALL=FILE"
	options="arch=$(dpkg --print-architecture)"
	[[ ! -e $keyring ]] || options+=" signed-by=$keyring"
	[[ $trusted != yes ]] || options+=" trusted=yes"
	mkdir -p "$lists"/{lists/partial,cache/archives/partial,files}
	# For the rest of the script, since apt locks the lists but not what it downloads.
	exec 8>"$lists/lock"
	flock 8
	{
		echo "deb [$options] $uri bookworm-backports main"
		for suite in "${suites[@]}"; do
			echo "deb-src [$options] $uri $suite main"
		done
	} >"$lists/sources.list"
	# The user _apt cannot write to a private folder; as root, apt would warn about it every time.
	apt=(-q -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=1 -o Acquire::Languages=none
		-o Dir::Etc::SourceList="$lists/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o Dir::State::Lists="$lists/lists" -o Dir::Cache="$lists/cache" -o Dir::Etc::Preferences=/dev/null
		-o Dir::Etc::PreferencesParts=/dev/null)
	say "reading the package lists of $uri"
	# A suite that is not there is a warning, and the others will do; without network the lists of last time are left.
	apt-get "${apt[@]}" update >"$lists/log" 2>&1 || true
	[[ -n $(source_versions) ]] ||
		failed "no source of qemu 10.0 in ${suites[*]} of $uri (QEMU_SRC=DIR or QEMU_TARBALL=FILE does without)"
}

source_versions() {
	apt-cache "${apt[@]}" showsrc --only-source qemu 2>/dev/null |
		sed -n 's/^Version: \(\([0-9]*:\)\?10\.0\.[0-9].*\)/\1/p' | sort -u -V -r
}

unpack_tar() {
	local file=$1 tree=$2 top
	mkdir "$tree.new"
	tar -C "$tree.new" --no-same-owner -xf "$file" 2>/dev/null || die "$file is not a tar file that can be unpacked"
	top=("$tree.new"/*)
	[[ ${#top[@]} == 1 && -d ${top[0]} ]] || die "$file has not one folder at its top: not a release of QEMU"
	mv "${top[0]}" "$tree"
	rmdir "$tree.new"
}

# The pool of a mirror may lack a file of an older version: its source is then upstream's alone, without Debian's patches.
unpack_debian() {
	local tree=$1 version=$2 name
	name=qemu_${version#*:}
	pushd "$lists/files" >/dev/null || die "cannot go to $lists/files"
	if apt-get "${apt[@]}" source --download-only --only-source "qemu=$version" >"$lists/log" 2>&1; then
		dpkg-source --no-check -x "$name.dsc" "$tree" >"$lists/log" 2>&1 || failed "cannot unpack $name"
	elif apt-get "${apt[@]}" source --download-only --only-source --tar-only "qemu=$version" >"$lists/log" 2>&1; then
		say "the mirror lacks Debian's part of $version: taking upstream's alone"
		unpack_tar "${name%-*}.orig.tar.xz" "$tree"
	else
		failed "cannot fetch the source of qemu $version"
	fi
	popd >/dev/null || true
}

source_unpack() {
	local tree=$1
	case $source in
	dir\ *)
		mkdir "$tree"
		tar -C "$QEMU_SRC" --exclude=.git --exclude=./build -cf - . | tar -C "$tree" -xf -
		;;
	tarball\ *) unpack_tar "$QEMU_TARBALL" "$tree" ;;
	*) unpack_debian "$tree" "$2" ;;
	esac
	tree_version "$tree" >/dev/null
	# Debian takes these out of upstream's release, since they come from source packages of their own; its patch for
	# that is not there in a release alone.
	[[ -e $tree/pc-bios/edk2-x86_64-code.fd.bz2 ]] ||
		sed -i 's/^if unpack_edk2_blobs$/if false/' "$tree/pc-bios/meson.build"
}

# Debian 12's meson is too old. configure sees the modules of Debian's own python only.
source_tools() {
	local dir=$1 deb
	tools=
	! /usr/bin/python3 - 2>/dev/null <<-'PYTHON' || return 0
		import pycotap
		from mesonbuild.coredata import version
		raise SystemExit(tuple(map(int, version.split(".")[:2])) < (1, 5))
	PYTHON
	tools=$dir/tools
	[[ ! -d $tools ]] || return 0
	. /etc/os-release
	[[ ${ID:-} == debian && ${VERSION_ID:-} == 12 ]] ||
		die "building QEMU needs meson 1.5 or later and python3-pycotap, and this is ${PRETTY_NAME:-another system}:" \
			"install them"
	source_debian "$dir"
	rm -rf "$tools.new"
	mkdir "$tools.new"
	(cd "$lists/files" && apt-get "${apt[@]}" download {meson,python3-pycotap}/bookworm-backports) >"$lists/log" 2>&1 ||
		failed "cannot download meson"
	for deb in "$lists/files"/{meson,python3-pycotap}_*.deb; do
		dpkg -x "$deb" "$tools.new"
	done
	mv "$tools.new" "$tools"
}
