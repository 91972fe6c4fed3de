# shellcheck shell=bash
# The test hosts' sshds, keys and ssh clients, and the faults that tests make. Sourced by tests/hosts.bash.
#
#   sshd_start HOST [OPTION…]  starts HOST's sshd and waits until it listens; options like -o RekeyLimit=16M
#   sshd_stop HOST             ends the listener; sessions go on
#   sshd_pids HOST             every sshd process of HOST, sessions too, to stop or to kill
#
# Under DIR/HOST: sshd_config, sshd.log, sshd.pid, authorized_keys, host_ed25519, host_ecdsa; and the client's
# id_ed25519, known_hosts, ssh_config, with which each host reaches the other by its name.

sshd_configure() {
	local host other
	for host in alpha beta; do
		sshd_make_keys "$HOSTS_DIR/$host" "$host" || return 1
	done
	for host in alpha beta; do
		other=alpha
		[[ $host != alpha ]] || other=beta
		sshd_write_server_files "$host" "$other" &&
			sshd_write_client_files "$host" "$other" || return 1
	done
}

sshd_make_keys() { # DIRECTORY COMMENT
	ssh-keygen -q -t ed25519 -N '' -C "$2" -f "$1/host_ed25519" &&
		ssh-keygen -q -t ecdsa -N '' -C "$2" -f "$1/host_ecdsa" &&
		ssh-keygen -q -t ed25519 -N '' -C "root@$2" -f "$1/id_ed25519"
}

sshd_write_server_files() { # HOST OTHER
	local dir=$HOSTS_DIR/$1 name environment
	environment="\"PATH=$(hosts_path)\" \"HOME=$dir/home\" \"VMFO_CONFDIR=$dir/etc\""
	environment+=" \"VMFO_RUNDIR=$dir/run\" \"VMFO_STATEDIR=$dir/lib\""
	# So that an agent with sanitizers behaves like the vmfo that the test itself starts.
	for name in ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS; do
		[[ -z ${!name:-} ]] || environment+=" \"$name=${!name}\""
	done
	cp "$HOSTS_DIR/$2/id_ed25519.pub" "$dir/authorized_keys"
	cat >"$dir/sshd_config" <<-END
		ListenAddress $(hosts_address "$1"):22
		HostKey $dir/host_ed25519
		HostKey $dir/host_ecdsa
		PidFile $dir/sshd.pid
		AuthorizedKeysFile $dir/authorized_keys
		# DIR may be below a directory that others can write to.
		StrictModes no
		PermitRootLogin prohibit-password
		PasswordAuthentication no
		UsePAM no
		PrintMotd no
		# sshd takes the first SetEnv only: one line.
		SetEnv $environment
	END
}

sshd_write_client_files() { # HOST OTHER
	local dir=$HOSTS_DIR/$1 address key
	address=$(hosts_address "$2")
	for key in "$HOSTS_DIR/$2"/host_*.pub; do
		echo "$address $(<"$key")"
	done >"$dir/known_hosts"
	cat >"$dir/ssh_config" <<-END
		Host $2
			HostName $address
			User root
			IdentityFile $dir/id_ed25519
			IdentitiesOnly yes
			IdentityAgent none
			UserKnownHostsFile $dir/known_hosts
			GlobalKnownHostsFile /dev/null
	END
}

sshd_start() {
	local host=$1 dir=$HOSTS_DIR/$1
	shift
	# A package's service makes this when it starts; here it may never have started.
	mkdir -p /run/sshd || return 1
	rm -f "$dir/sshd.pid"
	# A session of its own: ^C at the terminal is for vmfo, not for the hosts' sshds.
	hosts_exec "$host" setsid /usr/sbin/sshd -D -e -f "$dir/sshd_config" "$@" \
		</dev/null >>"$dir/sshd.log" 2>&1 3>&- &
	# The shell has nothing to say when a test kills it.
	disown $!
	# sshd writes it after listen(2).
	for _ in {1..200}; do
		[[ ! -s $dir/sshd.pid ]] || return 0
		sleep 0.02
	done
	echo "sshd_start: $host's sshd does not start: $(tail -n 1 "$dir/sshd.log")" >&2
	return 1
}

sshd_stop() {
	local file=$HOSTS_DIR/$1/sshd.pid pid
	pid=$(cat "$file" 2>/dev/null) || return 0
	kill -TERM "$pid" 2>/dev/null || true
	kill -CONT "$pid" 2>/dev/null || true
	for _ in {1..200}; do
		if ! process_runs "$pid"; then
			rm -f "$file"
			return 0
		fi
		sleep 0.02
	done
	echo "sshd_stop: $1's sshd $pid does not end" >&2
	return 1
}

sshd_pids() {
	local pid
	for pid in $(hosts_pids "$1"); do
		# Newer versions name the processes of sessions sshd-session and sshd-auth.
		[[ $(cat "/proc/$pid/comm" 2>/dev/null) != sshd* ]] || echo "$pid"
	done
}
