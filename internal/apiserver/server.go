package apiserver

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// maxBody bounds a request's body. The largest honest one holds 1,000 paths of 4 KiB.
const maxBody = 5 << 20

// handlers are the operations of the API.
type handlers struct {
	plane   *controlplane.ControlPlane
	version string
}

// New returns the API of a control plane. version is the program's.
func New(plane *controlplane.ControlPlane, version string) http.Handler {
	huma.NewError = newProblem
	mux := http.NewServeMux()
	config := huma.DefaultConfig("CloudAIPilot control plane", "1")
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "/v1/openapi", "", ""
	config.CreateHooks = nil // no "$schema" in bodies: they are the same over every transport
	register(humago.New(mux, config), &handlers{plane: plane, version: version})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, &api.Problem{Title: "There is no such route", Status: http.StatusNotFound, Code: "NOT_FOUND",
			Detail: r.Method + " " + r.URL.Path + " is not part of this API."})
	})
	return identify(plane, http.MaxBytesHandler(mux, maxBody))
}

// identify puts the control plane's id on every answer, so that a client notices when it talks to another one.
func identify(plane *controlplane.ControlPlane, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, err := plane.Store.ID(r.Context()); err == nil {
			w.Header().Set(api.ControlPlaneHeader, id)
		}
		next.ServeHTTP(w, r)
	})
}

// op registers one operation. name is its id in the OpenAPI document, summary a sentence.
func op[I, O any](a huma.API, name, method, path, summary string, handle func(context.Context, *I) (*O, error)) {
	huma.Register(a, huma.Operation{OperationID: name, Method: method, Path: path, Summary: summary, MaxBodyBytes: maxBody},
		func(ctx context.Context, in *I) (*O, error) {
			out, err := handle(ctx, in)
			if err != nil {
				return nil, problemOf(err)
			}
			return out, nil
		})
}
