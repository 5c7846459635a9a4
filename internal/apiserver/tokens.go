package apiserver

import (
	"context"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/api"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

func (h *handlers) listTokens(ctx context.Context, in *struct{ PageQuery }) (*body[api.List[api.Token]], error) {
	tokens, err := h.plane.Tokens(ctx, in.page())
	return answer(listOf(tokens, in.Limit, api.FromToken, func(t backup.Token) string { return t.ID }), err)
}

func (h *handlers) createToken(ctx context.Context, in *body[api.TokenInput]) (*body[api.NewToken], error) {
	t, secret, err := h.plane.CreateToken(ctx, backup.TokenSpec{Name: in.Body.Name, Role: backup.Role(in.Body.Role), Days: in.Body.ExpiresInDays})
	return answer(api.NewToken{Token: api.FromToken(t), Secret: secret}, err)
}

func (h *handlers) revokeToken(ctx context.Context, in *struct {
	ID string `path:"id" maxLength:"64"`
},
) (*nothing, error) {
	return &nothing{}, h.plane.RevokeToken(ctx, in.ID)
}
