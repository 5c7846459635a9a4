package provider

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/cron"
)

// The functions have no clock and ask no control plane: equal arguments give equal results, at plan and at apply.

var expressionParameter = function.StringParameter{
	Name: "expression", CustomType: cronType{},
	MarkdownDescription: "Five fields: minute, hour, day of the month, the month itself, day of the week; or `@daily` and the like. With `H` a `seed` is needed.",
}

var seedParameter = function.StringParameter{
	Name:                "seed",
	MarkdownDescription: "What `H` is a hash of, needed only where the expression has one: `\"server name/schedule name\"` gives the times of that schedule. At most one.",
}

// badArgument is an error about an argument. Terraform sets a full stop behind it, a question mark or not.
func badArgument(position int64, err error) *function.FuncError {
	text := strings.TrimSuffix(err.Error(), ".")
	if strings.HasSuffix(text, "?") {
		text += " If so, write that"
	}
	return function.NewArgumentFuncError(position, text)
}

// seeded reads the expression, the first argument, with the seed that may stand last, from the given position on.
func seeded(expression cronValue, seeds []string, position int64) (*cron.Expression, *function.FuncError) {
	seed := ""
	switch len(seeds) {
	case 0:
	case 1:
		seed = seeds[0]
	default:
		return nil, badArgument(position+1, fmt.Errorf("there are %d seeds: give one, such as \"web-1/nightly\"", len(seeds)))
	}
	e, err := cron.Parse(expression.ValueString(), seed)
	if err != nil {
		return nil, badArgument(0, err)
	}
	return &e, nil
}

// --- cron_next ------------------------------------------------------------------------------------------------------

type cronNextFunction struct{}

func newCronNextFunction() function.Function { return cronNextFunction{} }

// Metadata implements function.Function.
func (f cronNextFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "cron_next"
}

// Definition implements function.Function.
func (f cronNextFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "The next due times of a cron expression",
		MarkdownDescription: "Returns the times at which a schedule with this expression and time zone is due after a time, in RFC 3339 with the zone's offset, changes of the clocks included. " +
			"Times are known up to the end of 2200: the list is shorter where that comes first. It has no clock: equal arguments give equal results.",
		Parameters: []function.Parameter{
			expressionParameter,
			function.StringParameter{Name: "timezone", MarkdownDescription: "Where the times are meant, as the IANA zone database names it, such as `Europe/Berlin` or `UTC`."},
			function.StringParameter{Name: "from", MarkdownDescription: "Look from this time on, it itself left out, in RFC 3339, such as `plantimestamp()`."},
			function.Int64Parameter{Name: "count", MarkdownDescription: fmt.Sprintf("How many times, 1 to %d.", cron.MaxTimes)},
		},
		VariadicParameter: seedParameter,
		Return:            function.ListReturn{ElementType: types.StringType},
	}
}

// Run implements function.Function.
func (f cronNextFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var (
		expression     cronValue
		timezone, from string
		count          int64
		seeds          []string
	)
	if resp.Error = req.Arguments.Get(ctx, &expression, &timezone, &from, &count, &seeds); resp.Error != nil {
		return
	}
	e, wrong := seeded(expression, seeds, 4)
	if wrong != nil {
		resp.Error = wrong
		return
	}
	zone, err := cron.LoadZone(timezone)
	if err != nil {
		resp.Error = badArgument(1, err)
		return
	}
	after, err := cron.ParseTime(from)
	if err != nil {
		resp.Error = badArgument(2, err)
		return
	}
	times, err := e.NextTimes(zone, after, count)
	if err != nil {
		resp.Error = badArgument(3, err)
		return
	}
	due := make([]string, len(times))
	for i, at := range times {
		due[i] = at.Format(time.RFC3339)
	}
	resp.Error = resp.Result.Set(ctx, due)
}

// --- cron_describe --------------------------------------------------------------------------------------------------

type cronDescribeFunction struct{}

func newCronDescribeFunction() function.Function { return cronDescribeFunction{} }

// Metadata implements function.Function.
func (f cronDescribeFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "cron_describe"
}

// Definition implements function.Function.
func (f cronDescribeFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary:             "What a cron expression means, in English",
		MarkdownDescription: "Says in plain English when a cron expression is due, such as `At 03:30 on Monday to Friday`. A text for people, that may change from version to version: do not decide by it.",
		Parameters:          []function.Parameter{expressionParameter},
		VariadicParameter:   seedParameter,
		Return:              function.StringReturn{},
	}
}

// Run implements function.Function.
func (f cronDescribeFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var (
		expression cronValue
		seeds      []string
	)
	if resp.Error = req.Arguments.Get(ctx, &expression, &seeds); resp.Error != nil {
		return
	}
	e, wrong := seeded(expression, seeds, 1)
	if wrong != nil {
		resp.Error = wrong
		return
	}
	resp.Error = resp.Result.Set(ctx, e.Describe())
}
