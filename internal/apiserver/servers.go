package apiserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/controlplane"
)

// body is an answer with a JSON body.
type body[T any] struct{ Body T }

func answer[T any](v T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{Body: v}, nil
}

type nothing struct{}

// ServerPath names a server. It is exported, as all that is embedded in a request, because huma reads no other fields.
type ServerPath struct {
	ID string `path:"id" maxLength:"64"`
}

// PageQuery asks for one page of a list.
type PageQuery struct {
	Cursor string `query:"cursor" maxLength:"64" doc:"The next_cursor of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

// page asks for one item more than the page holds: it tells whether there is another page.
func (p PageQuery) page() controlplane.Page {
	return controlplane.Page{After: p.Cursor, Limit: p.Limit + 1}
}

// listOf makes a page; one that others follow names the cursor of the next. A limit of 0 is none.
func listOf[T, W any](items []T, limit int, wire func(T) W, id func(T) string) api.List[W] {
	list := api.List[W]{Items: []W{}}
	if limit > 0 && len(items) > limit {
		items = items[:limit]
		list.NextCursor = id(items[limit-1])
	}
	for _, item := range items {
		list.Items = append(list.Items, wire(item))
	}
	return list
}

// Idempotent is a request that may carry an idempotency key.
type Idempotent struct {
	Key string `header:"Idempotency-Key" maxLength:"128" doc:"Makes the repetition of this request answer with the first one's result"`
}

// of ties the key to the request it was sent with.
func (i Idempotent) of(request any) (controlplane.Idempotency, error) {
	if i.Key == "" {
		return controlplane.Idempotency{}, nil
	}
	raw, err := json.Marshal(request)
	if err != nil {
		return controlplane.Idempotency{}, err
	}
	sum := sha256.Sum256(raw)
	return controlplane.Idempotency{Key: i.Key, Digest: hex.EncodeToString(sum[:])}, nil
}

func (h *handlers) controlPlane(ctx context.Context, _ *nothing) (*body[api.ControlPlane], error) {
	id, err := h.plane.Store.ID(ctx)
	return answer(api.ControlPlane{ID: id, Version: h.version, Simulated: h.plane.Virtual != nil}, err)
}

func (h *handlers) listServers(ctx context.Context, in *struct {
	PageQuery
	Name string `query:"name" maxLength:"64" doc:"Only the server of this name"`
},
) (*body[api.List[api.Server]], error) {
	id := func(s backup.Server) string { return string(s.ID) }
	if in.Name != "" {
		servers, err := h.plane.ServersNamed(ctx, in.Name)
		return answer(listOf(servers, 0, api.FromServer, id), err)
	}
	servers, err := h.plane.Servers(ctx, in.page())
	return answer(listOf(servers, in.Limit, api.FromServer, id), err)
}

func (h *handlers) createServer(ctx context.Context, in *struct {
	Idempotent
	Body api.ServerInput
},
) (*body[api.Server], error) {
	once, err := in.of(in.Body)
	if err != nil {
		return nil, err
	}
	spec := backup.DefaultServerSpec()
	in.Body.Apply(&spec)
	key := keyWish(in.Body)
	if in.Body.GenerateKey == nil && key.Private == nil {
		key.Generate = true
	}
	s, err := h.plane.CreateServer(ctx, spec, key, once)
	return answer(api.FromServer(s), err)
}

func keyWish(in api.ServerInput) controlplane.KeyWish {
	var wish controlplane.KeyWish
	switch {
	case in.PrivateKey != nil:
		wish.Private = []byte(*in.PrivateKey)
	case in.GenerateKey != nil:
		wish.Generate, wish.None = *in.GenerateKey, !*in.GenerateKey
	}
	return wish
}

func (h *handlers) validateServer(ctx context.Context, in *body[api.ServerInput]) (*body[api.Findings], error) {
	spec := backup.DefaultServerSpec()
	in.Body.Apply(&spec)
	return findings(h.plane.CheckServer(ctx, spec, "", in.Body.Unknown))
}

func (h *handlers) validateServerUpdate(ctx context.Context, in *struct {
	ServerPath
	Body api.ServerInput
},
) (*body[api.Findings], error) {
	s, err := h.plane.Server(ctx, backup.ServerID(in.ID))
	if err != nil {
		return nil, err
	}
	in.Body.Apply(&s.ServerSpec)
	return findings(h.plane.CheckServer(ctx, s.ServerSpec, s.ID, in.Body.Unknown))
}

func findings(found []backup.Finding, err error) (*body[api.Findings], error) {
	if found == nil {
		found = []backup.Finding{}
	}
	return answer(api.Findings{Findings: found}, err)
}

func (h *handlers) getServer(ctx context.Context, in *ServerPath) (*body[api.Server], error) {
	s, err := h.plane.Server(ctx, backup.ServerID(in.ID))
	return answer(api.FromServer(s), err)
}

func (h *handlers) updateServer(ctx context.Context, in *struct {
	ServerPath
	Body api.ServerInput
},
) (*body[api.Server], error) {
	s, err := h.plane.UpdateServer(ctx, backup.ServerID(in.ID), in.Body.Version, in.Body.Apply, keyWish(in.Body))
	return answer(api.FromServer(s), err)
}

func (h *handlers) deleteServer(ctx context.Context, in *ServerPath) (*nothing, error) {
	return &nothing{}, h.plane.DeleteServer(ctx, backup.ServerID(in.ID))
}

func (h *handlers) testServer(ctx context.Context, in *ServerPath) (*body[api.ServerTest], error) {
	found, err := h.plane.TestServer(ctx, backup.ServerID(in.ID))
	if err != nil {
		return nil, err
	}
	out := api.ServerTest{HostKey: found.HostKey, FreeBytes: found.FreeBytes, TotalBytes: found.TotalBytes,
		Warnings: found.Warnings, Failure: api.FromFailure(found.Failure)}
	if out.Warnings == nil {
		out.Warnings = []string{}
	}
	if f := found.Failure; f != nil {
		out.HostKey, out.FreeBytes, out.TotalBytes = f.Evidence.HostKeyGot, f.Evidence.FreeBytes, f.Evidence.TotalBytes
	}
	out.Reachable = found.Failure == nil || found.Failure.Stage != backup.StageConnect
	return answer(out, nil)
}

func (h *handlers) recoverServer(ctx context.Context, in *ServerPath) (*body[api.ServerRecovery], error) {
	return serverRecovery(h.plane.RecoverServer(ctx, backup.ServerID(in.ID)))
}

func (h *handlers) validateServerRecovery(ctx context.Context, in *ServerPath) (*body[api.ServerRecovery], error) {
	return serverRecovery(h.plane.PreviewServerRecovery(ctx, backup.ServerID(in.ID)))
}

func serverRecovery(r controlplane.ServerRecovery, err error) (*body[api.ServerRecovery], error) {
	out := api.ServerRecovery{Server: api.FromServer(r.Server), Orphans: []api.Orphan{}}
	for _, o := range r.Orphans {
		wire := api.Orphan{BackupID: string(o.ID), Path: o.Path, SizeBytes: o.Bytes, Running: o.Running, Archive: o.Archive,
			Record: string(o.Record), Status: o.Status, Text: o.Text}
		if !o.ChangedAt.IsZero() {
			wire.ChangedAt = &o.ChangedAt
		}
		out.Orphans = append(out.Orphans, wire)
	}
	return answer(out, err)
}
