package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// frameworkServer is everything that the framework's protocol server can do.
type frameworkServer interface {
	tfprotov6.ProviderServer
	tfprotov6.ListResourceServer
	tfprotov6.ActionServer
	tfprotov6.StateStoreServer
}

// exactServer answers ReadResource and ReadDataSource in JSON instead of MessagePack.
//
// Terraform (1.8 to 1.14 at least) decides by a deep comparison of decoded values whether a refresh changed anything.
// The state file is decoded from JSON, with numbers of 512 bits of precision; a provider's MessagePack gives numbers
// of 64. So with any number in any resource "plan -refresh-only -detailed-exitcode" ends with 2 although nothing
// changed (hashicorp/terraform 36403, 37406), and drift detection cannot rely on it. So it does with an output that shows
// the number of a data source. In JSON both are decoded alike.
type exactServer struct {
	frameworkServer

	once  sync.Once
	types map[string]tftypes.Type
	err   error
}

// Server returns a new provider behind its protocol server.
func (f *Factory) Server() (tfprotov6.ProviderServer, error) {
	inner, err := providerserver.NewProtocol6WithError(f.New())()
	if err != nil {
		return nil, err
	}
	full, ok := inner.(frameworkServer)
	if !ok {
		return nil, fmt.Errorf("the framework's %T lacks a part of the protocol", inner)
	}
	return &exactServer{frameworkServer: full}, nil
}

// ReadResource implements tfprotov6.ResourceServer.
func (s *exactServer) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	resp, err := s.frameworkServer.ReadResource(ctx, req)
	if err != nil {
		return resp, err
	}
	resp.NewState, err = s.inJSON(ctx, req.TypeName, resp.NewState)
	return resp, err
}

// ReadDataSource implements tfprotov6.DataSourceServer.
func (s *exactServer) ReadDataSource(ctx context.Context, req *tfprotov6.ReadDataSourceRequest) (*tfprotov6.ReadDataSourceResponse, error) {
	resp, err := s.frameworkServer.ReadDataSource(ctx, req)
	if err != nil {
		return resp, err
	}
	resp.State, err = s.inJSON(ctx, dataPrefix+req.TypeName, resp.State)
	return resp, err
}

// dataPrefix tells data sources from resources of the same name.
const dataPrefix = "data."

func (s *exactServer) inJSON(ctx context.Context, name string, state *tfprotov6.DynamicValue) (*tfprotov6.DynamicValue, error) {
	if state == nil {
		return nil, nil //nolint:nilnil // there is no state where reading failed
	}
	t, err := s.typeOf(ctx, name)
	if err != nil {
		return nil, err
	}
	value, err := state.Unmarshal(t)
	if err != nil {
		return nil, fmt.Errorf("decode the state of a %s: %w", name, err)
	}
	plain, err := plainValue(value)
	if err != nil {
		return nil, fmt.Errorf("encode the state of a %s: %w", name, err)
	}
	raw, err := json.Marshal(plain)
	if err != nil {
		return nil, err
	}
	return &tfprotov6.DynamicValue{JSON: raw}, nil
}

func (s *exactServer) typeOf(ctx context.Context, name string) (tftypes.Type, error) {
	s.once.Do(func() {
		resp, err := s.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
		if err != nil {
			s.err = err
			return
		}
		s.types = make(map[string]tftypes.Type, len(resp.ResourceSchemas)+len(resp.DataSourceSchemas))
		for n, schema := range resp.ResourceSchemas {
			s.types[n] = schema.ValueType()
		}
		for n, schema := range resp.DataSourceSchemas {
			s.types[dataPrefix+n] = schema.ValueType()
		}
	})
	t, ok := s.types[name]
	if !ok && s.err == nil {
		return nil, fmt.Errorf("there is no type %s", name)
	}
	return t, s.err
}

// plainValue is a known value as encoding/json writes it.
func plainValue(v tftypes.Value) (any, error) {
	if v.IsNull() {
		return nil, nil //nolint:nilnil // null is a value here
	}
	t := v.Type()
	switch {
	case t.Is(tftypes.String):
		return as[string](v)
	case t.Is(tftypes.Bool):
		return as[bool](v)
	case t.Is(tftypes.Number):
		var n *big.Float
		err := v.As(&n)
		if err != nil {
			return nil, err
		}
		return json.Number(n.Text('f', -1)), nil
	case t.Is(tftypes.Object{}), t.Is(tftypes.Map{}):
		members, err := as[map[string]tftypes.Value](v)
		plain := make(map[string]any, len(members))
		for name, m := range members {
			if err == nil {
				plain[name], err = plainValue(m)
			}
		}
		return plain, err
	}
	elements, err := as[[]tftypes.Value](v) // list, set, tuple
	plain := make([]any, len(elements))
	for i, e := range elements {
		if err == nil {
			plain[i], err = plainValue(e)
		}
	}
	return plain, err
}

func as[T any](v tftypes.Value) (out T, err error) { return out, v.As(&out) }
