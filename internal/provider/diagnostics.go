package provider

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/apiclient"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// attributeNames are the fields of the API that have another name in configuration.
var attributeNames = map[string]string{"private_key": "private_key_wo"}

// attributePath translates the path of a field.
func attributePath(field string) path.Path {
	steps := strings.Split(field, ".")
	if name, ok := attributeNames[steps[0]]; ok {
		steps[0] = name
	}
	p := path.Root(steps[0])
	for _, s := range steps[1:] {
		if i, err := strconv.Atoi(s); err == nil {
			p = p.AtListIndex(i)
		} else {
			p = p.AtName(s)
		}
	}
	return p
}

// report turns findings into diagnostics on the attributes that are to blame. Notes stay silent.
func report(findings []backup.Finding, diags *diag.Diagnostics) {
	for _, f := range findings {
		detail := f.Detail
		if f.Fix != "" {
			detail += "\n\n" + f.Fix
		}
		detail += "\n\nCode: " + string(f.Code)
		switch {
		case f.Severity == backup.SeverityNote:
		case f.Severity == backup.SeverityWarning && f.Path != "":
			diags.AddAttributeWarning(attributePath(f.Path), f.Summary, detail)
		case f.Severity == backup.SeverityWarning:
			diags.AddWarning(f.Summary, detail)
		case f.Path != "":
			diags.AddAttributeError(attributePath(f.Path), f.Summary, detail)
		default:
			diags.AddError(f.Summary, detail)
		}
	}
}

// fail reports an error of the API: its findings where it has any, else under the summary.
func fail(summary string, err error, diags *diag.Diagnostics) {
	if p, ok := errors.AsType[*api.Problem](err); ok {
		if len(p.Findings) > 0 {
			report(p.Findings, diags)
			return
		}
		detail := p.Title + ". " + p.Detail
		if p.Fix != "" {
			detail += "\n\n" + p.Fix
		}
		diags.AddError(summary, detail+"\n\nCode: "+string(p.Code))
		return
	}
	diags.AddError(summary, err.Error())
}

// explainFailure is what a person reads when a backup failed.
func explainFailure(b api.Backup) (summary, detail string) {
	f := b.Failure
	if f == nil {
		return "Backup of " + b.ServerName + " failed", "No reason was recorded.\n\nBackup: " + b.ID
	}
	var text strings.Builder
	text.WriteString(f.Cause)
	switch len(f.Fix) {
	case 0:
	case 1:
		fmt.Fprintf(&text, "\n\nTo fix it, then run apply again:\n  %s", f.Fix[0])
	default:
		text.WriteString("\n\nTo fix it, try these in turn, then run apply again:")
		for i, step := range f.Fix {
			fmt.Fprintf(&text, "\n  %d. %s", i+1, step)
		}
	}
	fmt.Fprintf(&text, "\n\nCode: %s   Stage: %s   Backup: %s", f.Code, f.Stage, b.ID)
	if len(f.References) > 0 {
		fmt.Fprintf(&text, "   Reference: %s", strings.Join(f.References, ", "))
	}
	return fmt.Sprintf("Backup of %s failed: %s", b.ServerName, f.Title), text.String()
}

// unknowns collects the paths of values that are not known yet.
type unknowns backup.Paths

func (u *unknowns) add(field string, v attr.Value) {
	if v.IsUnknown() {
		*u = append(*u, field)
		return
	}
	switch v := v.(type) {
	case types.List:
		for i, e := range v.Elements() {
			u.add(field+"."+strconv.Itoa(i), e)
		}
	case types.Object:
		for name, e := range v.Attributes() {
			u.add(field+"."+name, e)
		}
	}
}

// texts returns a list's strings, "" for those that are not known.
func texts(v attr.Value) []string {
	list, ok := v.(types.List)
	if !ok || list.IsNull() || list.IsUnknown() {
		return nil
	}
	out := make([]string, 0, len(list.Elements()))
	for _, e := range list.Elements() {
		out = append(out, text(e))
	}
	return out
}

// text returns a string's value, "" where it is null or not known.
func text(v attr.Value) string {
	if s, ok := v.(interface{ ValueString() string }); ok { // a types.String, or a cronValue
		return s.ValueString()
	}
	return ""
}

func textList(texts []string) types.List {
	values := make([]attr.Value, len(texts))
	for i, t := range texts {
		values[i] = types.StringValue(t)
	}
	return types.ListValueMust(types.StringType, values)
}

// textOrNull is null where the API says nothing.
func textOrNull(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

// given returns a pointer to v where it was given, nil where it is null or unknown.
func given[T any](null, unknown bool, v T) *T {
	if null || unknown {
		return nil
	}
	return &v
}

func givenText(v types.String) *string { return given(v.IsNull(), v.IsUnknown(), v.ValueString()) }
func givenBool(v types.Bool) *bool     { return given(v.IsNull(), v.IsUnknown(), v.ValueBool()) }
func givenInt(v types.Int64) *int      { return given(v.IsNull(), v.IsUnknown(), int(v.ValueInt64())) }

// ifFound turns the error of something that does not exist into false.
func ifFound[T any](v T, err error) (T, bool, error) {
	if apiclient.IsNotFound(err) {
		return v, false, nil
	}
	return v, err == nil, err
}

// sentence ends a text with a full stop.
func sentence(text string) string { return strings.TrimSuffix(text, ".") + "." }
