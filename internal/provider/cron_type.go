package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

// cronType is the type of cron expressions, of attributes and of functions' parameters. Expressions that mean the same are
// equal: what the control plane says in other words is no change, and keeps the words of the configuration.
type cronType struct{ basetypes.StringType }

var (
	_ basetypes.StringTypable                    = cronType{}
	_ basetypes.StringValuableWithSemanticEquals = cronValue{}
	_ function.ValidateableParameter             = cronValue{}
	_ planmodifier.String                        = sameTimes{}
)

// Equal implements attr.Type.
func (t cronType) Equal(o attr.Type) bool {
	_, ok := o.(cronType)
	return ok
}

// String implements attr.Type.
func (t cronType) String() string { return "cronType" }

// ValueType implements attr.Type.
func (t cronType) ValueType(context.Context) attr.Value { return cronValue{} }

// ValueFromString implements basetypes.StringTypable.
func (t cronType) ValueFromString(_ context.Context, in basetypes.StringValue) (basetypes.StringValuable, diag.Diagnostics) {
	return cronValue{in}, nil
}

// ValueFromTerraform implements attr.Type.
func (t cronType) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	v, err := t.StringType.ValueFromTerraform(ctx, in)
	if err != nil {
		return nil, err
	}
	s, ok := v.(basetypes.StringValue)
	if !ok {
		return nil, fmt.Errorf("a cron expression is a string, not a %T", v)
	}
	return cronValue{s}, nil
}

// cronValue is a cron expression, null, or not known yet.
//
// As a parameter it checks itself. As an attribute it does not: there the rules of backup.ScheduleRules do, with the same
// cron.Parse, so that what is wrong with a schedule is told at once, and a state from a newer control plane can still be read.
type cronValue struct{ basetypes.StringValue }

// Type implements attr.Value.
func (v cronValue) Type(context.Context) attr.Type { return cronType{} }

// Equal implements attr.Value.
func (v cronValue) Equal(o attr.Value) bool {
	other, ok := o.(cronValue)
	return ok && v.StringValue.Equal(other.StringValue)
}

// StringSemanticEquals implements basetypes.StringValuableWithSemanticEquals.
func (v cronValue) StringSemanticEquals(ctx context.Context, o basetypes.StringValuable) (bool, diag.Diagnostics) {
	other, diags := o.ToStringValue(ctx)
	return !diags.HasError() && cron.Equal(v.ValueString(), other.ValueString()), diags
}

// ValidateParameter implements function.ValidateableParameter. What H stands for is the function's business.
func (v cronValue) ValidateParameter(_ context.Context, req function.ValidateParameterRequest, resp *function.ValidateParameterResponse) {
	if v.IsNull() || v.IsUnknown() {
		return
	}
	if _, err := cron.Parse(v.ValueString(), "any"); err != nil {
		resp.Error = badArgument(req.Position, err)
	}
}

// sameTimes plans no change of an expression that was written in another way.
type sameTimes struct{}

// Description implements planmodifier.String.
func (m sameTimes) Description(context.Context) string {
	return "another way to write the same times is no change"
}

// MarkdownDescription implements planmodifier.String.
func (m sameTimes) MarkdownDescription(ctx context.Context) string { return m.Description(ctx) }

// PlanModifyString implements planmodifier.String.
func (m sameTimes) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if req.StateValue.IsNull() || req.PlanValue.IsUnknown() || req.PlanValue.IsNull() {
		return
	}
	if cron.Equal(req.StateValue.ValueString(), req.PlanValue.ValueString()) {
		resp.PlanValue = req.StateValue
	}
}
