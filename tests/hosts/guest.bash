# shellcheck shell=bash
# What the test guest says about its pairs on its serial console (tests/guest/pairs). Sourced by tests/hosts.bash.
#
#   guest_pair HOST VM MAC               the last word: prints "MASTER STANDBY PRIMARY", "-" where absent
#   guest_wait_pair HOST VM MAC TIMEOUT  until a line written after the call has all three and the traffic takes the
#                                        primary; TIMEOUT in seconds

guest_log() { # HOST VM
	echo "$HOSTS_DIR/$1/run/$2/serial.log"
}

# Standard input: a serial log. Fails when it has no complete line about MAC.
# Prints "MASTER STANDBY PRIMARY ACTIVE".
guest_last_pair() { # MAC
	tr -d '\r' | awk -v mac="$1" '
		/^\[[0-9.]+\] vmfo-guest: pair .* active=[^ ]+$/ && $4 == tolower(mac) {
			found = substr($5, 8) " " substr($6, 9) " " substr($7, 9) " " substr($8, 8)
		}
		END {
			if (!found)
				exit 1
			print found
		}'
}

guest_pair() {
	local pair
	pair=$(guest_last_pair "$3" <"$(guest_log "$1" "$2")") || return 1
	echo "${pair% *}"
}

guest_wait_pair() {
	local log start deadline pair='' master standby primary active
	log=$(guest_log "$1" "$2")
	start=$(stat -c %s "$log" 2>/dev/null) || start=0
	deadline=$(($(date +%s%N) / 1000000 + $4 * 1000))
	while (($(date +%s%N) / 1000000 < deadline)); do
		# A log that became shorter is a new QEMU's.
		(($(stat -c %s "$log" 2>/dev/null || echo 0) >= start)) || start=0
		pair=$(tail -c "+$((start + 1))" "$log" 2>/dev/null | guest_last_pair "$3") || true
		read -r master standby primary active <<<"$pair"
		if [[ $pair && " $master $standby $primary " != *' - '* && $active == "$primary" ]]; then
			return 0
		fi
		sleep 0.1
	done
	echo "guest_wait_pair: $1: $2: pair $3 not whole after $4 s; the guest said: ${pair:-nothing}" >&2
	return 1
}
