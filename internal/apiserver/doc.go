// Package apiserver serves the control plane's use cases over HTTP.
//
// It translates requests into use cases and errors into problem details; it decides nothing. The OpenAPI document is
// generated from the types of the api package and served at /v1/openapi.json. Start reading at New, then routes.go.
package apiserver
