# shellcheck shell=bash
# What the machine hands to both hosts: DIR/share, which is /lab there. Sourced by lab, which sets ROOT, DIR, HOSTS, LAB_QEMU,
# VMFO, GUEST.
#
#   share_fill   makes it, or brings it up to date; keys are made once

# A file that a host may be reading is replaced, never written to.
share_place() { # SOURCE TARGET
	! cmp -s "$1" "$2" || return 0
	mkdir -p "${2%/*}"
	cp "$1" "$2.new"
	mv "$2.new" "$2"
}

share_write() { # TARGET; the text is standard input
	cat >"$1.new"
	mv "$1.new" "$1"
}

share_fill() {
	local share=$DIR/share file
	mkdir -p "$share/keys" "$share/vms"
	for file in lab/host/{boot,network,install,inventory,await-pair,events,raw-target} \
		hosts/{guest-exec,guest.bash,gated-qemu,qmp}; do
		share_place "$ROOT/tests/$file" "$share/${file##*/}"
		chmod 755 "$share/${file##*/}"
	done
	share_place "$VMFO" "$share/vmfo"
	share_place "$GUEST/vmlinuz" "$share/guest/vmlinuz"
	share_place "$GUEST/initrd.img" "$share/guest/initrd.img"
	printf '%s\n' '127.0.0.1 localhost' '10.201.0.1 alpha' '10.201.0.2 beta' '10.201.0.254 machine' |
		share_write "$share/hosts"
	share_keys
	share_qemu
	share_definitions
}

# alpha, beta and the machine each have a key of their own, and log in to the two hosts as root.
share_keys() {
	local share=$DIR/share name key
	for name in "${HOSTS[@]}" machine; do
		mkdir -p "$share/keys/$name"
		for key in "$share/keys/$name"/{host,id}_ed25519; do
			[[ -s $key.pub ]] || ssh-keygen -q -t ed25519 -N '' -C "root@$name" -f "$key"
		done
	done
	cat "$share"/keys/*/id_ed25519.pub | share_write "$share/authorized_keys"
	for name in "${HOSTS[@]}"; do
		echo "$name,$(awk -v name="$name" '$2 == name { print $1 }' "$share/hosts")" \
			"$(<"$share/keys/$name/host_ed25519.pub")"
	done | share_write "$share/known_hosts"
	share_write "$DIR/ssh_config" <<-END
		Host alpha
			HostName 10.201.0.1
		Host beta
			HostName 10.201.0.2
		Host *
			User root
			IdentityFile $share/keys/machine/id_ed25519
			IdentitiesOnly yes
			IdentityAgent none
			UserKnownHostsFile $share/known_hosts
			GlobalKnownHostsFile /dev/null
			ControlPath $DIR/%n.ssh
			LogLevel ERROR
			# A test may cut a host off; what waits for it then is to end.
			ServerAliveInterval 10
			ServerAliveCountMax 6
	END
}

# The QEMU of `make qemu` finds its firmware from wherever it is; another one is used where it is.
share_qemu() {
	local settings
	# A guest that is emulated twice takes its time.
	settings='{"schema": "vmfo.host/1", "physnets": [{"id": "lab", "pfs": ["pf0"]}], "migrate": {"unplug_timeout": 120}}'
	if [[ $LAB_QEMU == "$ROOT"/build/qemu/* ]]; then
		share_place "$LAB_QEMU" "$DIR/share/qemu"
	else
		[[ ! $LAB_QEMU =~ ^/(tmp|run|root|var/tmp)/ ]] ||
			die "$LAB_QEMU: the hosts do not see this folder of the machine; use one elsewhere"
		rm -f "$DIR/share/qemu"
		settings=$(jq --arg qemu "$LAB_QEMU" '.qemu = $qemu' <<<"$settings")
	fi
	share_write "$DIR/share/host.json" <<<"$settings"
}

# Two VMs, which differ in what their pair's primary is.
share_definitions() {
	local machine
	machine=$("$LAB_QEMU" -machine help | sed -n 's/^q35 .*(alias of \(pc-q35-[0-9.]*\)).*/\1/p')
	[[ -n $machine ]] || die "$LAB_QEMU does not say which version its machine type q35 is"
	share_definition vf 0d0c7e6a-5f0f-4c0e-8a53-7a4c2f1e0010 52:54:00:00:00:10 10.202.0.10 "$machine" \
		'{"kind": "vf", "physnet": "lab"}'
	share_definition emulated 0d0c7e6a-5f0f-4c0e-8a53-7a4c2f1e0011 52:54:00:00:00:11 10.202.0.11 "$machine" \
		'{"kind": "emulated", "model": "e1000e"}'
}

share_definition() { # NAME UUID MAC ADDRESS MACHINE PRIMARY
	jq -n --arg name "$1" --arg uuid "$2" --arg mac "$3" --arg address "$4" --arg machine "$5" --argjson primary "$6" '{
		schema: "vmfo.vm/1", $name, $uuid, $machine, accel: ["tcg"],
		cpu: {model: "qemu64", count: 1}, memory: {mib: 192},
		boot: {
			kernel: "/usr/local/share/lab/vmlinuz", initrd: "/usr/local/share/lab/initrd.img",
			cmdline: "console=ttyS0 quiet vmfo.ip=\($mac)=\($address)/24"
		},
		pairs: [{id: "net0", $mac, standby: {bridge: "br0"}, $primary}],
		serial_log: true, guest_agent: true
	}' | share_write "$DIR/share/vms/$1.json"
}
