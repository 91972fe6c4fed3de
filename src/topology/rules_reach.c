/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The way to a migration's target. Nobody checks these: they are what the flow met with
 * when it went there, by topology/reach.h.
 */
#include "topology/rule.h"

const struct rule rules_reach[] = {
	{
		.name = "ssh-config",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_REACH,
		.summary = "the SSH settings of this host cannot be used for the target",
		.why = "vmfo connects as OpenSSH would: it takes a host's name, user, keys and "
		       "known hosts from `ssh -G HOST`. It does without what would need another "
		       "program in between (ProxyJump, ProxyCommand), and never passes over a "
		       "file of host keys that it cannot read.",
		.remedy = "Run `ssh -G HOST` and mend what it complains of. Give the host a "
			  "section of its own, in ssh_config or in the file that \"ssh\" in "
			  "host.json names.",
		.source = "ssh_config(5); ssh(1), -G",
	},
	{
		.name = "ssh-unreachable",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_REACH,
		.summary = "the target cannot be reached by SSH",
		.why = "All that vmfo does on a target goes by SSH, the VM's memory included.",
		.remedy =
			"Try `ssh HOST true`. Look at the name, the route, the firewall, and at "
			"sshd there (systemctl status ssh; its MaxStartups).",
		.source = "connect(2); sshd_config(5), MaxStartups",
	},
	{
		.name = "ssh-algorithms",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_REACH,
		.summary = "this host and the target's sshd have no algorithm in common",
		.why = "vmfo speaks SSH by libssh2, which has fewer ciphers, key exchanges and "
		       "types of host keys than OpenSSH. ssh_config and sshd_config may leave "
		       "none of them.",
		.remedy =
			"Allow one on both ends: host key ssh-ed25519 (`ssh-keygen -A` on the "
			"target makes it), key exchange curve25519-sha256, cipher aes128-ctr, "
			"MAC hmac-sha2-256.",
		.source = "libssh2_session_supported_algs(3); ssh_config(5), Ciphers, MACs, "
			  "KexAlgorithms, HostKeyAlgorithms",
	},
	{
		.name = "ssh-host-key-unknown",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_REACH,
		.summary = "the target's host key is not among the known ones",
		.why = "Without it nobody knows which host it is that the VM's memory would be "
		       "sent to. vmfo never accepts a key by itself, whatever "
		       "StrictHostKeyChecking says.",
		.remedy =
			"Compare the fingerprint with that of `ssh-keygen -lf "
			"/etc/ssh/ssh_host_ed25519_key.pub` on the target itself; if they are "
			"equal, run the command that is shown here.",
		.source = "ssh-keygen(1), -F; sshd(8), SSH_KNOWN_HOSTS FILE FORMAT",
	},
	{
		.name = "ssh-host-key-changed",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_REACH,
		.summary = "the target has another host key than the known one",
		.why = "Either the host was installed anew, or somebody else answers in its place "
		       "and would get the VM's memory.",
		.remedy =
			"Compare the fingerprint on the target itself. Only if the host has a "
			"new key indeed, remove the old one (ssh-keygen -R HOST) and accept the "
			"new one.",
		.source = "ssh-keygen(1), -R; sshd(8), SSH_KNOWN_HOSTS FILE FORMAT",
	},
	{
		.name = "ssh-host-key-revoked",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_REACH,
		.summary = "the target's host key is marked as revoked",
		.why = "A key that is @revoked in known_hosts may be in the wrong hands: whoever "
		       "has it can pass for the host.",
		.remedy =
			"Give the host a new key: remove the old one in /etc/ssh there, "
			"`ssh-keygen -A`, restart sshd, and put the new one into known_hosts.",
		.source = "sshd(8), SSH_KNOWN_HOSTS FILE FORMAT (@revoked)",
	},
	{
		.name = "ssh-auth",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_REACH,
		.summary = "the target accepts none of the keys",
		.why = "vmfo uses the ssh-agent and the identity files of ssh_config, and never "
		       "asks for a password or a passphrase. RSA keys do not work with libssh2 "
		       "1.10 and before: it signs with SHA-1, which OpenSSH 8.8 and later "
		       "refuse.",
		.remedy = "Use an ed25519 key without a passphrase, or in an ssh-agent: "
			  "ssh-keygen -t ed25519; ssh-copy-id HOST. It must be named by "
			  "IdentityFile, or have one of OpenSSH's usual names.",
		.source =
			"ssh_config(5), IdentityFile, IdentityAgent; OpenSSH 8.8 release notes; "
			"libssh2 1.11 release notes (rsa-sha2)",
	},
	{
		.name = "ssh-session",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_REACH,
		.summary = "the target's sshd accepts the login, and runs no command",
		.why = "The agent is a command like any other to sshd. A forced command, a key "
		       "with restrictions, or a limit of sessions keeps it from running.",
		.remedy = "On the target, look at ForceCommand, MaxSessions and PermitTTY of "
			  "sshd_config, and at the options before the key in authorized_keys.",
		.source = "sshd_config(5), ForceCommand, MaxSessions; sshd(8), AUTHORIZED_KEYS "
			  "FILE FORMAT",
	},
	{
		.name = "agent-missing",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_REACH,
		.summary = "there is no vmfo on the target, or it does not start",
		.why = "The same program prepares the target: `vmfo agent`, started by SSH.",
		.remedy =
			"Install vmfo on the target. Where it is not in the login shell's PATH, "
			"or needs sudo, set \"agent_command\" in this host's host.json. Try: "
			"ssh HOST vmfo --version.",
		.source = "vmfo-host(5), \"agent_command\"",
	},
	{
		.name = "agent-version",
		.severity = SEVERITY_ERROR,
		.scope = SCOPE_REACH,
		.summary = "the vmfo on the target is of another protocol version",
		.why = "Two versions would not understand each other in the middle of a "
		       "migration, so it does not begin.",
		.remedy = "Install the same version of vmfo on both hosts.",
		.source = "vmfo(1), --version",
	},
	{ 0 },
};
