# What the log of any tool means: the root cause, not its last line.
output "class" {
  value = provider::cloudaipilot::diagnose("gzip: stdout: No space left on device\ntar: -: Cannot write: Broken pipe").class
  # "disk_full"
}

output "fix" {
  value = provider::cloudaipilot::diagnose("ssh: connect to host web-1 port 22: Connection refused").fix[0]
  # "On the server, through its console: systemctl status ssh (or sshd), and start it."
}
