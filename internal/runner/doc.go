// Package runner makes backups on real servers, over SSH.
//
// It carries out the control plane's steps and turns what the transport says into the domain's facts, by types and
// exit statuses, never by text. It decides nothing about records, retries or time. Start reading at Runner.
package runner
