package diagnosis

import "github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"

var sshKnowledge = []entry{
	{
		class: "ssh_not_configured", code: "SSH_NOT_CONFIGURED", family: "ssh", retry: RetryNo, title: "no SSH key is set for the server",
		cause:      "There is no private key to log in with.",
		fix:        []string{"Set the server's key, or correct the path of the key file.", "Add its public half to authorized_keys of the login user."},
		references: []string{"KB-12-06", "KB-02-08"},
		certain:    []string{"ssh_not_configured", "no ssh key is set", "no ssh key configured", "no ssh key found", "ssh key is not configured", "no private key found for server", "ssh key not found"},
		likely: []string{
			"identity file & not accessible", "no such identity", "no authentication methods available", "no identities found", "could not open a connection to your authentication agent & ~publickey",
			"attempted methods [none], no supported methods", "no ssh credentials", "private key & {nofile} & !{db}", "ssh key & {nofile}", "missing ssh key", "key file & {nofile} & ~@ssh", "id_rsa & {nofile}", "id_ed25519 & {nofile}", "attempted methods [none], & no supported",
			"ssh private key & not set", "no ssh key",
		},
		own: []own{{
			facts: []backup.Fact{backup.FactNoKey},
			cause: "The server has no private key, so nobody can log in to {address}.",
			fix: []string{
				"Set generate_key = true on the server (the control plane makes a pair), or bring a key with private_key_wo.",
				"Add the server's public_key to ~{user}/.ssh/authorized_keys on the server.",
			},
		}},
	},
	{
		class: "ssh_key_invalid", code: "SSH_NOT_CONFIGURED", family: "ssh", retry: RetryNo, title: "the private key cannot be used",
		cause:      "The private key is damaged, in an unknown format, or encrypted with a passphrase that is not given.",
		fix:        []string{"Check it: ssh-keygen -y -f KEYFILE must print the public key and ask for nothing.", "Store the key anew: whole, with its last line break, in OpenSSH or PEM format, without a passphrase."},
		references: []string{"KB-12-06", "KB-02-08"},
		certain: []string{
			"load key & invalid format", "load key & error in libcrypto", "load key & incorrect passphrase", "ssh: no key found", "private key is passphrase protected", "passphrase protected private key", "not a valid openssh private key", "not a valid rsa private key", "not a valid ec private key", "not a valid dsa private key", "not a valid ed25519 private key",
			"private key file is encrypted", "invalid privatekey", "cannot parse privatekey", "failed to parse private key", "unable to parse private key", "unsupported key format", "key_load_private: invalid format", "key_load_public: invalid format & ~publickey", "incorrect passphrase supplied to decrypt private key", "error loading key & invalid format",
			"unable to load private key & @ssh", "no private key found & !for", "encrypted private openssh key detected, but no passphrase", "invalid openssh private key", "ssh: cannot decode encrypted private keys", "unsupported private key", "malformed private key", "invalid key format", "couldn't load private key", "could not load private key & @ssh", "failed to load private key & @ssh", "ssh: unhandled key type", "ssh: unsupported key type", "cannot decode & private key",
			"unable to decrypt private key", "key is encrypted & passphrase & !{db}", "old-style key & not supported", "putty key format", "error parsing ssh key", "invalid ssh key", "x509: decryption password incorrect", "bad passphrase", "the provided private key is invalid",
		},
		likely: []string{"enter passphrase for key", "private key & asn1", "private key & invalid", "privatekey & invalid", "key & invalid format & @ssh", "unable to read private key"},
		own: []own{{
			facts: []backup.Fact{backup.FactKeyInvalid}, title: "the server's private key cannot be used",
			cause: "{text}",
			fix:   []string{"Give private_key_wo an unencrypted OpenSSH or PEM key, and raise private_key_wo_version."},
		}},
	},
	{
		class: "ssh_key_permissions", code: "PERMISSION_DENIED_PUBLICKEY", family: "ssh", retry: RetryNo, title: "the mode or owner of an SSH file is wrong",
		cause:      "SSH ignores a key, an authorized_keys file or a configuration that others may read or write, or that it may not read itself.",
		fix:        []string{"For the key: chmod 600 KEYFILE; chown it to the user who runs the backup.", "On the server: chmod 700 ~/.ssh; chmod 600 ~/.ssh/authorized_keys; chmod go-w ~"},
		references: []string{"KB-12-06", "KB-02-08"},
		certain: []string{
			"unprotected private key file", "are too open", "private key will be ignored", "load key & bad permissions", "bad permissions: ignore key", "bad permissions. try removing permissions for user", "bad ownership or modes for", "bad owner or permissions on", "load key & {denied}", "identity file & {denied}", "private key file permissions", "authorized_keys & bad ownership",
			"id_rsa & {denied}", "id_ed25519 & {denied}", "key_load_private & {denied}",
		},
	},
	{
		class: "ssh_too_many_auth_failures", code: "PERMISSION_DENIED_PUBLICKEY", family: "ssh", retry: RetryNo, title: "too many keys were offered",
		cause:      "The server ended the login after MaxAuthTries attempts: the client offered other keys before the right one.",
		fix:        []string{"Offer one key alone: ssh -o IdentitiesOnly=yes -i KEYFILE, or an empty agent.", "Or raise MaxAuthTries in /etc/ssh/sshd_config."},
		references: []string{"KB-12-06"},
		certain:    []string{"too many authentication failures", "maximum authentication attempts exceeded", "too many auth failures", "exceeded the maximum number of authentication attempts"},
	},
	{
		class: "ssh_auth_failed", code: "PERMISSION_DENIED_PUBLICKEY", family: "ssh", retry: RetryAfterFix, title: "permission denied (publickey)",
		cause:      "The server refused the login: the key is not in authorized_keys of that user, the user is another, or sshd ignores the file.",
		fix:        []string{"Add the public key to ~/.ssh/authorized_keys of the login user on the server, and check that this is the user of the login.", "Check the modes: chmod 700 ~/.ssh; chmod 600 ~/.ssh/authorized_keys", "Look at sshd's own reason: journalctl -u ssh"},
		references: []string{"KB-12-06", "KB-02-08"},
		certain: []string{
			"{denied} & publickey", "permission denied (password", "permission denied (keyboard-interactive", "permission denied (gssapi", "permission_denied_publickey", "unable to authenticate, attempted methods", "all configured authentication methods failed", "jschexception: auth fail", "jschexception: auth cancel", "userauth fail", "permission denied, please try again",
			"authentications that can continue & ~no more authentication methods", "no more authentication methods to try", "unable to login with the provided private key", "ssh authentication failed", "sftp authentication failed", "exhausted available authentication methods", "ssh: handshake failed: ssh: unable to authenticate", "no supported authentication methods available", "failed publickey for", "failed password for & !{db}", "disconnected: no supported authentication methods",
			"authentication failed for user & @ssh & !{db}", "server refused our key", "net::ssh::authenticationfailed", "sshauthenticationexception", "access denied for 'publickey'", "authentication failed (publickey)", "publickey authentication failed", "permission denied for user & @ssh & !{db} & !{s3}",
		},
		likely: []string{"authenticationexception & @ssh", "invalid user & @ssh", "authentication failed & @ssh & !^{db} & !{s3}", "auth fail & @ssh & !{db}", "please login as the user", "login failed & @ssh & !{db}", "error: unable to authenticate & !{db} & !{s3}", "key_rejected", "signing failed & ~publickey", "userauth_pubkey: & not in pubkeyaccepted", "no mutual signature algorithm"},
		own: []own{{
			facts: []backup.Fact{backup.FactAuthFailed},
			cause: "{address} refused the key for user {user}: it is not in that user's authorized_keys, or sshd ignores the file.",
			fix: []string{
				"Add this line to ~{user}/.ssh/authorized_keys on the server:\n     {public_key}",
				"Check the modes: chmod 700 ~{user}/.ssh; chmod 600 ~{user}/.ssh/authorized_keys",
			},
		}},
	},
	{
		class: "ssh_account_expired", family: "ssh", retry: RetryNo, title: "the login user's account or password has expired",
		cause:      "The key is right, but the account may not log in: it or its password has expired, or it is locked.",
		fix:        []string{"Look at it on the server: chage -l USER; passwd -S USER", "Lift it: chage -E -1 -M -1 USER; usermod -U USER"},
		references: []string{"KB-02-08"},
		certain: []string{
			"your account has expired", "account has expired", "your password has expired", "you are required to change your password", "you must change your password now", "password change required but no tty", "password expired. change your password", "by pam account configuration", "because account is locked", "account expired & @ssh", "has expired (account expired)", "has expired (failed to change password)", "user account has expired", "password has expired & @ssh & !{db}",
			"expired password for user", "your account is locked", "account locked due to", "account is disabled & @ssh", "dein konto ist abgelaufen", "ihr passwort ist abgelaufen", "votre compte a expiré", "su cuenta ha caducado", "authentication token is no longer valid; new one required", "pam: user account has expired", "required to change password", "password aging",
		},
		likely: []string{"account & has been locked & !{db} & !{s3}", "account & locked & @ssh"},
	},
	{
		class: "warning_account_will_expire", family: "ssh", retry: RetryNo, title: "the login user's account or password will expire soon",
		cause:   "The server warns that the login will stop working in some days.",
		fix:     []string{"Look at it: chage -l USER", "Prolong it: chage -E -1 -M -1 USER"},
		certain: []string{"your account will expire in", "your password will expire in", "password will expire in", "account will expire in", "ihr passwort läuft in", "votre mot de passe expirera dans", "la contraseña caducará en"},
	},
	{
		class: "ssh_shell_disabled", family: "ssh", retry: RetryNo, title: "the login user may not run commands",
		cause:   "The login works, but the account has no shell, or sshd allows it file transfers only.",
		fix:     []string{"Give it a shell: usermod -s /bin/sh USER", "Look for ForceCommand, internal-sftp and command= in /etc/ssh/sshd_config and authorized_keys."},
		certain: []string{"this account is currently not available", "this service allows sftp connections only", "because shell & does not exist", "because shell & is not executable", "this account is restricted by rssh", "interactive git shell is not enabled", "account is restricted", "this account is currently unavailable", "shell access is not enabled", "shell access disabled", "does not allow shell access", "shell access is disabled", "/sbin/nologin", "/usr/sbin/nologin", "restricted by the administrator & @ssh", "jailshell: command not found", "you don't have shell access", "no shell access", "ssh access is disabled for this account", "this account does not have shell", "command not allowed & rrsync", "restricted shell", "command rejected by authorized_keys", "this user is not allowed to run commands"},
	},
	{
		class: "ssh_remote_exec_failed", family: "ssh", retry: RetryNo, title: "the server logged in but did not run the command",
		cause: "sshd accepted the login and refused the command, the shell or the subsystem, or the login shell printed text of its own.",
		fix:   []string{"Try it by hand: ssh USER@HOST true must print nothing and end with 0.", "Take out what .bashrc and .profile print for shells that are not interactive.", "For SFTP: check the Subsystem line of /etc/ssh/sshd_config."},
		certain: []string{
			"shell request failed on channel", "exec request failed on channel", "subsystem request failed", "is your shell clean", "received message too long", "ssh: command & failed & !exit status", "ssh: could not start shell", "could not start shell", "unable to start the sftp session & !^publickey", "ensure the remote shell produces no output", "could not chdir to home directory & ~{denied} & ^exec", "pty allocation request failed", "failed to execute command on remote", "ssh: unexpected packet in response to channel",
			"unable to exec", "channel request failed", "unable to request shell", "unable to execute the command on the remote", "sftp-server & {nofile}", "couldn't initialise sftp", "rsync error: protocol incompatibility", "protocol version mismatch", "got unexpected remote version", "unexpected tag", "couldn't execute remote command", "exec format error & @ssh", "error: ssh exec",
		},
		likely: []string{"setsid & failed & @ssh", "remote shell", "failed to start subsystem"},
	},
	{
		class: "ssh_session_limit", family: "ssh", retry: RetryBackoff, title: "the server accepts no more SSH sessions",
		cause:   "sshd's MaxStartups or MaxSessions, or a limit on logins, is reached.",
		fix:     []string{"Wait, and run fewer connections at the same time.", "Or raise MaxStartups and MaxSessions in /etc/ssh/sshd_config, or maxlogins in /etc/security/limits.conf."},
		certain: []string{"maxstartups", "maxsessions", "session open refused by peer", "administratively prohibited", "no more sessions", "too many logins for", "too many open sessions", "resource shortage", "maximum number of sessions", "too many connections from & @ssh & !^{db}", "too many sessions", "session limit reached", "there were too many logins", "channel & open failed: open failed", "max concurrent connections & @ssh", "too many simultaneous connections & @ssh & !^{db}", "connection limit & @ssh & !^{db}", "too many concurrent ssh", "too many startups"},
		likely:  []string{"open failed: connect failed & @ssh", "channel open failed & @ssh"},
	},
	{
		class: "ssh_host_key_changed", family: "ssh", retry: RetryNo, title: "the server's host key has changed",
		cause:   "The server showed another host key than the trusted one. Either it was set up anew, or another machine answers in its place.",
		fix:     []string{"Find out why, on the server's console: cat /etc/ssh/ssh_host_ed25519_key.pub", "If the new key is right, replace the trusted one (ssh-keygen -R HOST)."},
		certain: []string{"remote host identification has changed", "host key mismatch", "knownhosts: key mismatch", "badhostkeyexception", "hostkey has been changed", "does not match: got & expected", "offending & key in", "possible dns spoofing", "host key for & has changed", "hostkeymismatch", "hostkey mismatch", "host key & does not match", "fingerprint mismatch & @ssh", "differs from the key for the ip address", "host fingerprint & changed", "host key has changed", "revoked host key", "the host key sent by the remote", "remote host key changed", "someone is doing something nasty", "host key changed", "fingerprint & does not match & @ssh"},
		own: []own{{
			facts: []backup.Fact{backup.FactHostKeyChanged},
			cause: "{address} showed the host key {host_key_got}, but {host_key_wanted} is trusted. Either the server was set up anew, or another machine answers in its place; nothing was sent to it.",
			fix: []string{
				"Find out why, on the server's console: cat /etc/ssh/ssh_host_ed25519_key.pub",
				"If the new key is right, set host_key to it.",
			},
		}},
	},
	{
		class: "ssh_host_key_unknown", family: "ssh", retry: RetryNo, title: "the server's host key is not known",
		cause:   "Nobody has trusted this server's host key yet, and a job cannot be asked.",
		fix:     []string{"Read the key on the server's console: cat /etc/ssh/ssh_host_ed25519_key.pub", "Put it into known_hosts, or set host_key to it."},
		certain: []string{"host key is known for", "knownhosts: key is unknown", "unknownhostkey", "not found in known_hosts", "you have requested strict checking", "authenticity of host & can't be established", "host key is not trusted", "host key not found", "unknown host key", "no hostkey & known", "host key is unknown", "hostkeynotverifiable", "reject hostkey", "no host key known", "known_hosts & {nofile}", "host is not in known_hosts", "not in the known hosts", "hostkeyverifier", "missing host key", "host key is not cached", "cannot verify host key", "no matching host key fingerprint"},
		likely:  []string{"host key verification failed", "hostkey verification", "host key could not be verified"},
		own: []own{{
			facts: []backup.Fact{backup.FactHostKeyUnknown},
			cause: "{address} showed the host key {host_key_got}, and none is pinned.",
			fix: []string{
				"Compare it with \"cat /etc/ssh/ssh_host_ed25519_key.pub\" on the server, and set host_key to it.",
				"Or set record_host_key = true to trust the key of the first contact.",
			},
		}},
	},
	{
		class: "ssh_connection_refused", code: "CONNECTION_REFUSED", family: "ssh", retry: RetryBackoff, title: "connection refused",
		cause:      "The server answered, but nothing listens there: sshd is not running, or it listens on another port.",
		fix:        []string{"On the server, through its console: systemctl status ssh (or sshd), and start it.", "Compare the port with the Port line of /etc/ssh/sshd_config.", "Look for a firewall rule that rejects the connection."},
		references: []string{"KB-12-06"},
		certain:    []string{"connect to host & port & {refused}", "port 22 & {refused}", "{refused} & :22: & !{db}", "novalidconnectionserror", "unable to connect to port 22", ":22 & {refused}", "connect to address & port 22 & {refused}", "{refused} & |ssh & !{db} & !{s3}", "jschexception & {refused}"},
		likely:     []string{"{refused} & @ssh & !{db} & !{s3} & !{docker}", "connection_refused & !{db} & !{s3}"},
		hints:      []string{"{refused} & !^{db} & !^{s3} & !^{docker} & !^{notice}"},
		own: []own{{
			facts: []backup.Fact{backup.FactRefused},
			cause: "{address} answered, but nothing listens there: sshd is not running, or it listens on another port.",
			fix: []string{
				"On the server, through its console: systemctl status ssh (or sshd), and start it.",
				"Compare port with the Port line of /etc/ssh/sshd_config.",
				"Look for a firewall rule that rejects the connection.",
			},
		}},
	},
	{
		class: "ssh_connection_timeout", code: "CONNECTION_TIMED_OUT", family: "ssh", retry: RetryBackoff, title: "connection timed out",
		cause:      "Nothing answered in time: the server is down, or something drops the packets on the way.",
		fix:        []string{"Check that the server runs and that this is its present address.", "Allow this machine through the server's firewall and the provider's security group.", "Raise the timeout if the server is merely slow."},
		references: []string{"KB-12-06"},
		certain:    []string{"connect to host & port & {timedout}", "port 22 & {timedout}", "{timedout} & :22: & !{db}", ":22 & {timedout}", "timed out during banner exchange", "port 22 timed out", "timed out while waiting for handshake", "error reading ssh protocol banner", "ssh: handshake & {timedout}", "connection timed out during banner", "session.connect: timeout: & @ssh", "ssh & handshake & timed out", "connection_timed_out"},
		likely:     []string{"{timedout} & @ssh & !{db} & !{s3}", "timed out & @ssh & connect & !{db} & !{s3}", "ssh & timed out & !{db} & !{s3}", "timeout & connecting & @ssh & !{db} & !{s3}", "jschexception: timeout", "jschexception & timed out", "login & timed out & @ssh", "banner & timeout"},
		hints:      []string{"{timedout} & !^{db} & !^{s3} & !^{docker} & !^{notice}"},
		own: []own{{
			facts: []backup.Fact{backup.FactTimeout},
			cause: "Nothing answered at {address} in time: the server is down, or something drops the packets on the way.",
			fix: []string{
				"Check that the server runs and that host is its present address.",
				"Allow this machine through the server's firewall and the provider's security group.",
				"Raise connect_timeout_seconds if the server is merely slow.",
			},
		}},
	},
	{
		class: "ssh_no_route", code: "NO_ROUTE", family: "ssh", retry: RetryBackoff, title: "no route to the server",
		cause:   "This machine has no way to the server's network.",
		fix:     []string{"Check the address, the VPN, and the routes and firewalls between this machine and the server."},
		certain: []string{"connect to host & {noroute}", "connect to host & {netunreach}", "{noroute} & !{db} & !{s3}", ":22: & {netunreach}"},
		likely:  []string{"{netunreach} & !{s3} & !{db}", "{noroute}", "destination net unreachable", "no_route"},
		own: []own{{
			facts: []backup.Fact{backup.FactNoRoute},
			cause: "This machine has no route to {address}: {text}.",
			fix:   []string{"Check host, the VPN and the network between this machine and the server."},
		}},
	},
	{
		class: "ssh_connection_dropped", code: "SSH_DROPPED", family: "ssh", retry: RetryBackoff, title: "the SSH connection was dropped",
		cause:      "The connection ended in the middle: the network failed, a firewall forgot it, or sshd or the server went away.",
		fix:        []string{"Look at sshd's log on the server (journalctl -u ssh) and at the network, then try again.", "Keep long connections alive: ServerAliveInterval 30 in ssh_config."},
		references: []string{"KB-12-06"},
		certain: []string{
			"send disconnect", "packet_write_wait", "packet_write_poll", "not responding. & timeout, server", "timeout, server & not responding", "closed by remote host. & connection to", "remote command exited without exit status", "ssh: disconnect", "ssh_dropped", "connection closed by remote host & kex_exchange", "ssh_exchange_identification: connection closed", "ssh session not active", "write failed & {pipe} & @ssh", "sftp & connection lost", "read from remote host & {reset}",
			"kex_exchange_identification", "ssh_exchange_identification", "ssh connection lost", "connection lost before handshake", "ssh_msg_disconnect", "mux & {pipe}", "failed to send keepalive & @ssh", "ssh: handshake failed: eof", "ssh: handshake failed & {reset}", "ssh connection dropped", "ssh connection was lost", "ssh session & closed unexpectedly", "connection to & closed by remote host", "connection reset by & port 22|", "connection closed by & port 22|",
		},
		likely: []string{"{reset} & @ssh & !{db} & !{s3}", "{pipe} & @ssh & !{db} & !{s3}", "connection unexpectedly closed & !(0 bytes", "connection closed by remote host & !is borg working", "channel closed & @ssh", "ssh & exited with status 255", "ssh & exit status 255", "ssh & exit code 255", "connection closed & @ssh & !{db} & !{s3}", "connectionclosed & @ssh", "socket is not established", "session is down & @ssh", "connection is closed by foreign host"},
		hints:  []string{"connection unexpectedly closed", "code 255)", "is borg working on the server", "exit code 255|", "connection reset by & port", "connection closed by & port", "lost connection & !{db}"},
		own: []own{{
			facts: []backup.Fact{backup.FactDropped},
			cause: "The connection to {address} ended in the middle: {text}.",
			fix:   []string{"Look at sshd's log on the server (journalctl -u ssh) and at the network, then try again."},
		}},
	},
	{
		class: "server_offline", code: "SERVER_OFFLINE_AT_RUN", family: "ssh", retry: RetryBackoff, title: "the server is offline",
		cause:      "The server is switched off or cut off from the network.",
		fix:        []string{"Look at it in the provider's console, and start it.", "Then run the backup again."},
		references: []string{"KB-12-06"},
		certain:    []string{"host is down", "|ehostdown", "destination host unreachable", "100% packet loss", "is powered off", "powered off", "server is offline", "host is offline", "server & is not reachable", "server & is unreachable", "server is not functional", "server unreachable", "instance is stopped", "instance & is not running", "droplet is off", "server is down", "is shut down", "agent is offline", "client is offline", "node is offline", "node is not online", "not reachable. check if the server", "host unreachable & !{noroute}", "server_offline & !missed", "machine is not running", "vm is not running", "agent not connected", "client not connected", "unreachable & ansible", "'unreachable': true", "the system is going down", "connection refused by powered-off"},
		likely:     []string{"is offline & !{s3}", "not reachable & !{s3} & !{db}", "system is booting up"},
		own: []own{{
			facts: []backup.Fact{backup.FactUnreachable}, title: "the server could not be reached any more",
			cause: "The backup was running when {address} stopped answering, and it did not come back: {text}.",
			fix:   []string{"Bring the server back, then try again: deleting this backup, which apply does, ends its job and removes its folder there."},
		}},
	},
	{
		class: "dns_failure", code: "DNS_FAILURE", family: "network", retry: RetryBackoff, title: "a host name does not resolve",
		cause:   "A host name has no address, or the resolver does not answer.",
		fix:     []string{"Correct the name; try it: getent hosts NAME", "Check the DNS record and this machine's resolver (/etc/resolv.conf)."},
		certain: []string{"{nameres} & !{docker}", "could not resolve hostname", "dns_failure", "could not resolve address"},
		likely:  []string{"{nameres}", "lookup & on & :53"},
		own: []own{{
			facts: []backup.Fact{backup.FactDNS}, title: "the server's host name does not resolve",
			cause: "The name in {address} has no address: {text}.",
			fix:   []string{"Correct host, or use the server's IP address.", "Check the DNS record and this machine's resolver."},
		}},
	},
}
