package apiserver

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// maxBody bounds a request's body. The largest honest one holds 1,000 paths of 4 KiB.
const maxBody = 5 << 20

// handlers are the operations of the API.
type handlers struct {
	plane   *controlplane.ControlPlane
	version string
}

// speakProblems has huma, whose hook is a global one, tell of errors in our form.
var speakProblems = sync.OnceFunc(func() { huma.NewError = newProblem })

// New returns the API of a control plane. version is the program's, access says who may what.
func New(plane *controlplane.ControlPlane, version string, access Access) http.Handler {
	mux := http.NewServeMux()
	describe(mux, &handlers{plane: plane, version: version})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, &api.Problem{Title: "There is no such route", Status: http.StatusNotFound, Code: backup.CodeNotFound,
			Detail: r.Method + " " + r.URL.Path + " is not part of this API."})
	})
	return route(mux, quiet(admit(access, identify(plane, http.MaxBytesHandler(mux, maxBody)))))
}

// OpenAPI returns the OpenAPI 3.1 document of the API, in JSON.
func OpenAPI() ([]byte, error) {
	return json.MarshalIndent(describe(http.NewServeMux(), &handlers{}).OpenAPI(), "", "  ")
}

// describe registers the operations.
func describe(mux *http.ServeMux, h *handlers) huma.API {
	speakProblems()
	config := huma.DefaultConfig("CloudAIPilot control plane", "1")
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "/v1/openapi", "", ""
	config.CreateHooks = nil // no "$schema" in bodies: they are the same over every transport
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
	a := humago.New(mux, config)
	register(a, h)
	return a
}

// quiet puts headers on every answer that keep a browser from doing anything with it.
func quiet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// identify puts the control plane's id on every answer, so that a client notices when it talks to another one, and a simulated time.
func identify(plane *controlplane.ControlPlane, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, err := plane.Store.ID(r.Context()); err == nil {
			w.Header().Set(api.ControlPlaneHeader, id)
		}
		if plane.Virtual != nil {
			w.Header().Set(api.SimulatedTimeHeader, plane.Virtual.Now().Format(time.RFC3339))
		}
		next.ServeHTTP(w, r)
	})
}

// op registers one operation: who may ask, its id in the OpenAPI document, and a sentence about it.
func op[I, O any](a huma.API, needed backup.Role, name, method, path, summary string, handle func(context.Context, *I) (*O, error)) {
	huma.Register(a, huma.Operation{OperationID: name, Method: method, Path: path, Summary: summary, MaxBodyBytes: maxBody,
		Description: "Role: " + string(needed) + ".", Security: []map[string][]string{{"token": {}}},
		Middlewares: huma.Middlewares{only(needed)}},
		func(ctx context.Context, in *I) (*O, error) {
			out, err := handle(ctx, in)
			if err != nil {
				return nil, problemOf(err)
			}
			return out, nil
		})
}
