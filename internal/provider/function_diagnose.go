package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
)

type diagnoseFunction struct{}

func newDiagnoseFunction() function.Function { return diagnoseFunction{} }

// diagnosed is what the function returns: the fields of cloudaipilot diagnose --json.
type diagnosed struct {
	Class        string        `tfsdk:"class"`
	Code         string        `tfsdk:"code"`
	Title        string        `tfsdk:"title"`
	Cause        string        `tfsdk:"cause"`
	Fix          []string      `tfsdk:"fix"`
	References   []string      `tfsdk:"references"`
	Retry        string        `tfsdk:"retry"`
	Confidence   float64       `tfsdk:"confidence"`
	Evidence     string        `tfsdk:"evidence"`
	Alternatives []alternative `tfsdk:"alternatives"`
}

type alternative struct {
	Class      string  `tfsdk:"class"`
	Confidence float64 `tfsdk:"confidence"`
}

var diagnosedTypes = map[string]attr.Type{
	"class": types.StringType, "code": types.StringType, "title": types.StringType, "cause": types.StringType,
	"fix": types.ListType{ElemType: types.StringType}, "references": types.ListType{ElemType: types.StringType},
	"retry": types.StringType, "confidence": types.Float64Type, "evidence": types.StringType,
	"alternatives": types.ListType{ElemType: types.ObjectType{AttrTypes: map[string]attr.Type{"class": types.StringType, "confidence": types.Float64Type}}},
}

// Metadata implements function.Function.
func (f diagnoseFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "diagnose"
}

// Definition implements function.Function.
func (f diagnoseFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "What the error text of a backup means",
		MarkdownDescription: "Says what the error text of a backup means, from any tool: the root cause, with its fix. It returns an object with the fields that `cloudaipilot diagnose --json` prints: " +
			"`class`, `code`, `title`, `cause`, `fix`, `references`, `retry` (`no`, `once`, `backoff` or `after_fix`), `confidence` (0 to 1), `evidence` (the line that decided), and `alternatives`, each with its `class` and `confidence`. " +
			"Secrets in the text are masked in all of it. Where the text does not say why it failed, the class is `unknown`. Of a text longer than 1 MiB the first and the last half of that are read. " +
			"Equal texts give equal results with one version of the provider; a newer one may know more.",
		Parameters: []function.Parameter{function.StringParameter{Name: "text", MarkdownDescription: "A log, the output of a command, a mail: the more of it, the better."}},
		Return:     function.ObjectReturn{AttributeTypes: diagnosedTypes},
	}
}

// Run implements function.Function.
func (f diagnoseFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var text string
	if resp.Error = req.Arguments.Get(ctx, &text); resp.Error != nil {
		return
	}
	r := diagnosis.Text(diagnosis.Input{Text: text})
	out := diagnosed{
		Class: string(r.Class), Code: r.Code, Title: r.Title, Cause: r.Cause, Fix: append([]string{}, r.Fix...), References: append([]string{}, r.References...),
		Retry: string(r.Retry), Confidence: r.Confidence, Evidence: r.Evidence, Alternatives: []alternative{},
	}
	for _, a := range r.Alternatives {
		out.Alternatives = append(out.Alternatives, alternative{string(a.Class), a.Confidence})
	}
	resp.Error = resp.Result.Set(ctx, out)
}
