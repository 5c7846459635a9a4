package provider

import (
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// fact is one thing that data sources say about a T: its attribute, and where the value comes from.
type fact[T any] struct {
	attribute schema.Attribute
	of        func(T) attr.Value
}

// facts are all of them, by the name of the attribute. The data source of one T and that of many show the same.
// A text is null where the API has an empty one and a number where it has 0; a list is never null, so that
// expressions can go through it.
type facts[T any] map[string]fact[T]

func (f facts[T]) attributes() map[string]schema.Attribute {
	all := make(map[string]schema.Attribute, len(f))
	for name, x := range f {
		all[name] = x.attribute
	}
	return all
}

func (f facts[T]) objectType() types.ObjectType {
	all := make(map[string]attr.Type, len(f))
	for name, x := range f {
		all[name] = x.attribute.GetType()
	}
	return types.ObjectType{AttrTypes: all}
}

func (f facts[T]) values(v T) map[string]attr.Value {
	all := make(map[string]attr.Value, len(f))
	for name, x := range f {
		all[name] = x.of(v)
	}
	return all
}

func (f facts[T]) object(v T) types.Object {
	return types.ObjectValueMust(f.objectType().AttrTypes, f.values(v))
}

func (f facts[T]) objects(all []T) types.List {
	of, values := f.objectType(), make([]attr.Value, len(all))
	for i, v := range all {
		values[i] = types.ObjectValueMust(of.AttrTypes, f.values(v))
	}
	return types.ListValueMust(of, values)
}

func textFact[T any](description string, of func(T) string) fact[T] {
	return fact[T]{schema.StringAttribute{Computed: true, MarkdownDescription: description}, func(v T) attr.Value { return textOrNull(of(v)) }}
}

func textsFact[T any](description string, of func(T) []string) fact[T] {
	return fact[T]{
		schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description},
		func(v T) attr.Value { return textList(of(v)) },
	}
}

func flagFact[T any](description string, of func(T) bool) fact[T] {
	return fact[T]{schema.BoolAttribute{Computed: true, MarkdownDescription: description}, func(v T) attr.Value { return types.BoolValue(of(v)) }}
}

func numberFact[T any, N int | int64](description string, of func(T) N) fact[T] {
	return fact[T]{schema.Int64Attribute{Computed: true, MarkdownDescription: description}, func(v T) attr.Value {
		if n := of(v); n != 0 {
			return types.Int64Value(int64(n))
		}
		return types.Int64Null()
	}}
}

// timeFact is null where there is no time, or the zero one.
func timeFact[T any](description string, of func(T) *time.Time) fact[T] {
	return textFact(description+", RFC 3339 in UTC.", func(v T) string {
		at := of(v)
		if at == nil || at.IsZero() {
			return ""
		}
		return at.UTC().Format(time.RFC3339)
	})
}

// partFact is an object with facts of its own, null where of returns nil.
func partFact[T, P any](description string, f facts[P], of func(T) *P) fact[T] {
	return fact[T]{schema.SingleNestedAttribute{Computed: true, MarkdownDescription: description, Attributes: f.attributes()}, func(v T) attr.Value {
		if p := of(v); p != nil {
			return f.object(*p)
		}
		return types.ObjectNull(f.objectType().AttrTypes)
	}}
}

// partsFact is a list of objects with facts of their own.
func partsFact[T, P any](description string, f facts[P], of func(T) []P) fact[T] {
	return fact[T]{
		schema.ListNestedAttribute{Computed: true, MarkdownDescription: description, NestedObject: schema.NestedAttributeObject{Attributes: f.attributes()}},
		func(v T) attr.Value { return f.objects(of(v)) },
	}
}

// with adds facts to these.
func (f facts[T]) with(more facts[T]) facts[T] {
	maps.Copy(f, more)
	return f
}

// sourceFacts say what a backup takes in, as a sourceModel does for resources.
func sourceFacts[T any](kind func(T) string, files func(T) backup.FilesSource, databases func(T) []backup.Database) facts[T] {
	return facts[T]{
		"type": textFact("`files`, `database`, or `full` for both.", kind),
		"files": partFact("The files taken in; null where there are none.", filesFacts(), func(v T) *backup.FilesSource {
			if f := files(v); len(f.Include) > 0 {
				return &f
			}
			return nil
		}),
		"databases": partsFact("The databases taken in.", databaseFacts(), databases),
	}
}

func filesFacts() facts[backup.FilesSource] {
	type source = backup.FilesSource
	return facts[source]{
		"include": textsFact("Absolute paths.", func(f source) []string { return f.Include }),
		"exclude": textsFact("Patterns of what is left out, as tar's `--exclude`.", func(f source) []string { return f.Exclude }),
	}
}

func databaseFacts() facts[backup.Database] {
	type db = backup.Database
	return facts[db]{
		"engine":  textFact("`postgresql`, `mysql`, `mariadb` or `sqlite`.", func(d db) string { return string(d.Engine) }),
		"name":    textFact("Name of the database; of `sqlite`, the path of its file.", func(d db) string { return d.Name }),
		"run_as":  textFact("Account on the server under which the engine's client runs; null: that of the job.", func(d db) string { return d.RunAs }),
		"user":    textFact("User of the database server; null: as its client has it.", func(d db) string { return d.User }),
		"host":    textFact("Address of the database server; null: the local socket.", func(d db) string { return d.Host }),
		"port":    numberFact("Port of the database server; null: the engine's own.", func(d db) int { return d.Port }),
		"globals": flagFact("Whether roles and tablespaces of the whole PostgreSQL server are taken in.", func(d db) bool { return d.Globals }),
	}
}
