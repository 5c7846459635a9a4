package provider

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

var windowType = map[string]attr.Type{"cron": cronType{}, "duration_minutes": types.Int64Type, "timezone": types.StringType}

// windowsAttribute are times that come again and again.
func windowsAttribute(description string) schema.ListNestedAttribute {
	return schema.ListNestedAttribute{Optional: true, MarkdownDescription: description,
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"cron":             schema.StringAttribute{Required: true, CustomType: cronType{}, PlanModifiers: []planmodifier.String{sameTimes{}}, MarkdownDescription: "When it opens, in the five fields of cron."},
			"duration_minutes": schema.Int64Attribute{Required: true, MarkdownDescription: "How long it lasts, 1 to 10,080 minutes."},
			"timezone":         schema.StringAttribute{Optional: true, MarkdownDescription: "Where `cron` is meant, as the IANA zone database names it. Default: `UTC`."},
		}}}
}

// windowsGiven are the windows of a list, with empty fields where they are not known.
func windowsGiven(list types.List) []backup.Window {
	windows := []backup.Window{} // none is said as none
	for _, e := range list.Elements() {
		o, ok := e.(types.Object)
		if !ok {
			continue
		}
		of := o.Attributes()
		minutes, _ := of["duration_minutes"].(types.Int64)
		windows = append(windows, backup.Window{Cron: text(of["cron"]), DurationMinutes: int(minutes.ValueInt64()), Timezone: text(of["timezone"])})
	}
	return windows
}

// windowsShown is what the API says. What means the same as what is there stays as it was written.
func windowsShown(there types.List, windows []backup.Window) types.List {
	same := func(a, b backup.Window) bool {
		return cron.Equal(a.Cron, b.Cron) && a.DurationMinutes == b.DurationMinutes && a.Zone() == b.Zone()
	}
	of := types.ObjectType{AttrTypes: windowType}
	if !there.IsUnknown() && slices.EqualFunc(windowsGiven(there), windows, same) {
		return there
	}
	if len(windows) == 0 {
		return types.ListNull(of)
	}
	values := make([]attr.Value, len(windows))
	for i, w := range windows {
		values[i] = types.ObjectValueMust(windowType, map[string]attr.Value{"cron": cronValue{types.StringValue(w.Cron)},
			"duration_minutes": types.Int64Value(int64(w.DurationMinutes)), "timezone": textOrNull(w.Timezone)})
	}
	return types.ListValueMust(of, values)
}

func windowFacts() facts[backup.Window] {
	type window = backup.Window
	return facts[window]{
		"cron":             textFact("When it opens, in the five fields of cron.", func(w window) string { return w.Cron }),
		"duration_minutes": numberFact("How long it lasts.", func(w window) int { return w.DurationMinutes }),
		"timezone":         textFact("Where `cron` is meant.", window.Zone),
	}
}
