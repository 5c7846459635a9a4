package provider

import (
	"context"
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/mapplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// Schema implements resource.Resource.
func (r *backupResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	keptText := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	computed := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description, PlanModifiers: keptText}
	}
	source := sourceAttributes("Changing it makes a new backup.", []planmodifier.String{stringplanmodifier.RequiresReplace()},
		[]planmodifier.Object{objectplanmodifier.RequiresReplace()}, []planmodifier.List{listplanmodifier.RequiresReplace()})
	resp.Schema = schema.Schema{
		MarkdownDescription: "One backup, made when the resource is created. A backup that fails ends the apply with its cause and its fix, and the next apply makes a new one in its place. Destroying the resource does not destroy the archive, unless `on_destroy` says so.",
		Attributes: map[string]schema.Attribute{
			"id": computed("Identifier."),
			"server_id": schema.StringAttribute{Required: true, MarkdownDescription: "The server to back up. Changing it makes a new backup.",
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()}},
			"retention_days": schema.Int64Attribute{Optional: true, Computed: true, Default: int64default.StaticInt64(backup.DefaultRetentionDays),
				MarkdownDescription: fmt.Sprintf("Days to keep the archive, %d to %d. Changes in place. Default: `%d`.", backup.MinRetentionDays, backup.MaxRetentionDays, backup.DefaultRetentionDays)},
			"triggers": schema.MapAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Any values: when one changes, a new backup is made.",
				PlanModifiers: []planmodifier.Map{mapplanmodifier.RequiresReplace()}},
			"wait": schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Wait until the backup is completed or failed. With `false` and an embedded control plane, which ends with the apply, `cloudaipilot backup wait` looks after it. Default: `true`."},
			"on_destroy": schema.StringAttribute{Optional: true, Computed: true, Default: stringdefault.StaticString(onDestroyRetain),
				MarkdownDescription: "What becomes of a completed archive when the resource is destroyed or replaced: `retain` leaves it on the server until its retention is over, `delete` removes it. Failed backups are always removed. Default: `retain`.",
				Validators:          []validator.String{stringvalidator.OneOf(onDestroyRetain, onDestroyDelete)}},
			"status":     computed("`pending`, `running`, `completed` or `failed`."),
			"size_bytes": schema.Int64Attribute{Computed: true, MarkdownDescription: "Size of the archive in bytes; null until it is completed.", PlanModifiers: []planmodifier.Int64{int64planmodifier.UseStateForUnknown()}},
			"sha256":     computed("SHA-256 of the archive, in hex; null until it is completed."),
			"path":       computed("Path of the archive on the server; null until it is completed."),
			"warnings": schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "What a completed backup has to say, such as files that changed while they were read.",
				PlanModifiers: []planmodifier.List{listplanmodifier.UseStateForUnknown()}},
			"created_at":    computed("When the backup was asked for, RFC 3339 in UTC."),
			"expires_at":    schema.StringAttribute{Computed: true, MarkdownDescription: "When the retention is over: `created_at` plus `retention_days`."},
			"error_code":    computed("Why the backup failed, as a code; null if it did not."),
			"error_message": computed("Why the backup failed, in words; null if it did not."),
			"timeouts":      timeouts.Attributes(ctx, timeouts.Opts{Create: true, Delete: true, CreateDescription: "How long to wait for the backup. Default: `4h`.", DeleteDescription: "How long to wait for a running backup to be cancelled. Default: `10m`."}),
		},
	}
	maps.Copy(resp.Schema.Attributes, source)
}
