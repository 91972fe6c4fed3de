# shellcheck shell=bash
# For the bats files that hold rules of check-topology against QEMUs of their own, without hosts:
#
#   rules_up / rules_down                  for setup_file and teardown_file: $DIR, and $PATCHED if $QEMU is a patched one
#   qemu_start NAME ARGS…                  $QEMU, with a guest and its agent; what it says is in $DIR/NAME.err
#   qemu_refuses RULE TEXT ARGS…           vmfo finds that, and QEMU does not start, and says so
#   port, standby, primary, pair …         add to $ARGS
#   check NAME ARGS…, claims RULE OBJECT   what vmfo says of that command line
#   primary_is NAME STANDBY STATE [ERROR]  what a patched QEMU says itself; a stock one is not asked
#   told_of_primaries                      what its events told, of what migrate printed

load common

rules_up() { # PURPOSE
	export DIR PATCHED=
	DIR=$(mktemp -d "/tmp/vmfo-$1-XXXXXX")
	! vm_patched || PATCHED=1
}

rules_down() {
	local pid
	for pid in "$DIR"/*.pid; do
		[[ ! -e $pid ]] || kill -KILL "$(<"$pid")" 2>/dev/null || true
	done
	rm -rf "$DIR"
}

# ---- QEMUs ----

qemu_args() { # NAME ARGS…: sets QEMU_ARGS
	QEMU_ARGS=("$QEMU" -nodefaults -no-user-config -display none -machine "$MACHINE" -accel tcg -cpu qemu64 -m 256
		-kernel "$GUEST/vmlinuz" -initrd "$GUEST/initrd.img" -append "console=ttyS0 quiet"
		-serial "file:$DIR/$1.serial" -qmp "unix:$DIR/$1.qmp,server=on,wait=off"
		-chardev "socket,id=qga,path=$DIR/$1.qga,server=on,wait=off"
		-device "virtio-serial-pci,bus=pcie.0,addr=0x1d"
		-device "virtserialport,chardev=qga,name=org.qemu.guest_agent.0" "${@:2}")
}

qemu_start() { # NAME ARGS…
	qemu_args "$@"
	"${QEMU_ARGS[@]}" </dev/null 2>"$DIR/$1.err" >&2 3>&- &
	echo $! >"$DIR/$1.pid"
	# The shell is not to report its end.
	disown
}

# shellcheck disable=SC2154 # run sets output and status
qemu_refuses() { # RULE TEXT ARGS…: vmfo finds that, and QEMU does not start, and says so
	local rule=$1 text=$2
	shift 2
	run "$VMFO" check-topology --json --no-host --qemu "$QEMU" -- "$QEMU" -nodefaults -machine "$MACHINE" "$@"
	jq -e --arg rule "$rule" 'any(.findings[]; .rule == $rule)' <<<"$output" >/dev/null
	run timeout 10 "$QEMU" -S -nodefaults -no-user-config -display none -machine "$MACHINE" -accel tcg "$@"
	[ "$status" -eq 1 ]
	[[ $output == *"$text"* ]]
}

# One command, its return value.
qmp() { # SOCKET JSON
	python3 - "$1" "$2" <<-'END'
		import json, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(20)
		s.connect(sys.argv[1])
		f = s.makefile("rw")
		commands = [sys.argv[2]]
		if not sys.argv[1].endswith(".qga"):
		    f.readline()
		    commands.insert(0, '{"execute": "qmp_capabilities"}')
		for command in commands:
		    f.write(command + "\n")
		    f.flush()
		    while "event" in (reply := json.loads(f.readline())):
		        pass
		print(json.dumps(reply.get("return", reply.get("error"))))
	END
}

# Migrates and prints the source's events until it has ended: "MIGRATION wait-unplug", "UNPLUG_PRIMARY p0"; of a patched
# one also "FAILOVER_PRIMARY_CHANGED p0 unplugged".
migrate() { # FROM TO
	python3 - "$DIR/$1.qmp" "unix:$DIR/$2.incoming" <<-'END'
		import json, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(60)
		s.connect(sys.argv[1])
		f = s.makefile("rw")
		f.readline()
		for command, arguments in (("qmp_capabilities", {}),
		                           ("migrate-set-capabilities",
		                            {"capabilities": [{"capability": name, "state": True}
		                                              for name in ("events", "return-path")]}),
		                           ("migrate", {"uri": sys.argv[2]})):
		    f.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
		f.flush()
		status = ""
		while status not in ("completed", "failed"):
		    reply = json.loads(f.readline())
		    data = reply.get("data", {})
		    if "event" in reply:
		        status = data.get("status", "")
		        names = (data.get(key) for key in ("status", "device-id", "primary", "state", "error"))
		        print(reply["event"], *filter(None, names))
	END
}

# ---- devices ----

ports=0
# Eight ports in a slot: a guest looks only at slots that have function 0.
port() { # ID
	ARGS+=(-device "pcie-root-port,id=$1,bus=pcie.0,chassis=$((ports + 1)),slot=$ports,multifunction=on,$(
		printf addr=0x%x.%d $((ports / 8 + 2)) $((ports % 8)))")
	ports=$((ports + 1))
}

mac() { # NN
	echo "52:54:00:00:00:$1"
}

standby() { # ID NN [MORE]
	port "s-$1"
	ARGS+=(-device "virtio-net-pci,id=$1,bus=s-$1,failover=on,mac=$(mac "$2"),romfile=${3:+,$3}")
}

primary() { # STANDBY BUS NN [MORE]
	ARGS+=(-device "e1000e,id=p-$1,bus=$2,failover_pair_id=$1,mac=$(mac "$3"),romfile=${4:+,$4}")
}

pair() { # ID NN STANDBY-MORE PRIMARY-MORE
	standby "$1" "$2" "$3"
	port "b-$1"
	primary "$1" "b-$1" "$2" "$4"
}

# ---- what is said of them ----

has_device() { # NAME ID
	qmp "$DIR/$1.qmp" '{"execute": "qom-list", "arguments": {"path": "/machine/peripheral"}}' |
		jq -e --arg id "$2" 'any(.[]; .name == $id)' >/dev/null
}

lacks_device() { # NAME ID
	if has_device "$@"; then
		echo "QEMU has $2" >&2
		return 1
	fi
}

# ERROR is a part of why the last step with the primary failed; without it none has.
primary_is() { # NAME STANDBY STATE [ERROR]
	[[ -n $PATCHED ]] || return 0
	local said
	said=$(qmp "$DIR/$1.qmp" '{"execute": "query-failover"}')
	jq -e --arg standby "$2" --arg state "$3" --arg error "${4:-}" 'any(.[]; .standby == $standby and
		.state == $state and (if $error == "" then .error == null else .error // "" | contains($error) end))' \
		<<<"$said" >/dev/null || { echo "query-failover: $said" >&2 && return 1; }
}

# What migrate printed of what a patched QEMU tells: "p0 unplug-requested p0 unplugged".
told_of_primaries() {
	sed -n 's/^FAILOVER_PRIMARY_CHANGED //p' | xargs
}

check() { # NAME ARGS…: what vmfo says of that command line
	qemu_args "$@"
	"$VMFO" check-topology --json --no-host --qemu "$QEMU" -- "${QEMU_ARGS[@]}" >"$DIR/$1.findings" || [ $? -eq 3 ]
}

claims() { # RULE OBJECT [NAME]
	jq -e --arg rule "$1" --arg object "$2" 'any(.findings[]; .rule == $rule and .object == $object)' \
		"$DIR/${3:-many}.findings" >/dev/null || { echo "no finding of $1 about $2" >&2 && return 1; }
}

qemu_said() { # NAME TEXT
	grep -qF -- "$2" "$DIR/$1.err" || { cat "$DIR/$1.err" >&2 && return 1; }
}

end() { # NAME…
	local name
	for name; do
		kill -KILL "$(<"$DIR/$name.pid")" 2>/dev/null || true
		rm -f "$DIR/$name.pid"
	done
}
