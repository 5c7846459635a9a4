package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// Schema implements resource.Resource.
func (r *serverResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	text := func(description, value string) schema.StringAttribute {
		a := schema.StringAttribute{Optional: true, MarkdownDescription: description}
		if value != "" {
			a.Computed, a.Default = true, stringdefault.StaticString(value)
			a.MarkdownDescription += fmt.Sprintf(" Default: `%s`.", value)
		}
		return a
	}
	number := func(description string, value int64) schema.Int64Attribute {
		return schema.Int64Attribute{Optional: true, Computed: true, Default: int64default.StaticInt64(value),
			MarkdownDescription: fmt.Sprintf("%s Default: `%d`.", description, value)}
	}
	d := backup.DefaultServerSpec()
	resp.Schema = schema.Schema{
		MarkdownDescription: "A server that can be backed up over SSH: Linux with a POSIX shell, tar, gzip, coreutils and setsid, or BusyBox. Nothing is installed on it. Every setting changes in place.",
		Attributes: map[string]schema.Attribute{
			"id":   schema.StringAttribute{Computed: true, MarkdownDescription: "Identifier.", PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}},
			"name": schema.StringAttribute{Required: true, MarkdownDescription: "Name, unique in the control plane: 1 to 63 letters, digits, dots, dashes and underscores."},
			"host": schema.StringAttribute{Required: true, MarkdownDescription: "Host name or IP address."},
			"port": number("Port of sshd, 1 to 65535.", int64(d.Port)),
			"user": text("Login user.", d.User),
			"host_key": schema.StringAttribute{Optional: true,
				MarkdownDescription: "Host key to insist on: the line that `cat /etc/ssh/ssh_host_ed25519_key.pub` prints on the server, or a fingerprint `SHA256:...`. Needed unless `record_host_key` is set."},
			"record_host_key": schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Trust the host key of the first contact, keep it, and insist on it from then on. `cloudaipilot server show` prints it. Ignored with `host_key`. Default: `false`."},
			"private_key_wo": schema.StringAttribute{Optional: true, Sensitive: true, WriteOnly: true,
				MarkdownDescription: "Your own private key for the login user, unencrypted, OpenSSH or PEM. Write-only: it reaches the control plane, sealed, and neither plan nor state. Without it the control plane makes a pair.",
				Validators:          []validator.String{stringvalidator.AlsoRequires(path.MatchRoot("private_key_wo_version"))}},
			"private_key_wo_version": schema.Int64Attribute{Optional: true, MarkdownDescription: "Raise it to have a changed `private_key_wo` taken over; remove it to go back to a generated pair.",
				Validators: []validator.Int64{int64validator.AlsoRequires(path.MatchRoot("private_key_wo"))}},
			"generate_key": schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Without `private_key_wo`: have the control plane make a key pair. With `false` the server has no key, and every backup of it is refused with `SSH_NOT_CONFIGURED`. Default: `true`."},
			"public_key":                 schema.StringAttribute{Computed: true, MarkdownDescription: "Public key line for the login user's `~/.ssh/authorized_keys`; null without a key."},
			"backup_dir":                 text("Folder for archives on the server. It is made with mode 0700 in a folder that exists, and refused if anybody else could write to it. Many systems empty `/tmp` at boot: name a lasting folder for archives that must live.", d.BackupDir),
			"privilege":                  text("`none`: the job runs as the login user. `sudo`: it runs as root through `sudo -n`, which needs the line `USER ALL=(root) NOPASSWD: /bin/sh` in sudoers.", string(d.Privilege)),
			"environment":                text("What the server is for, such as `production` or `staging`.", ""),
			"connect_timeout_seconds":    number("Bound on TCP connect, handshake and login together, 1 to 300 seconds.", int64(d.ConnectTimeout.Seconds())),
			"keepalive_interval_seconds": number("Pause between keepalives, 1 to 300 seconds; three without an answer end the connection.", int64(d.KeepaliveInterval.Seconds())),
			"max_concurrent_backups":     number("How many backups are made on the server at a time, 1 to 32, whoever asks for them. The others wait, the oldest first.", int64(d.MaxConcurrentBackups)),
			"maintenance_windows":        windowsAttribute("Times in which no schedule starts a backup of the server. Backups that somebody asks for are made all the same."),
		},
	}
}
