package store

import (
	"slices"
	"strings"
	"testing"
)

func TestProgramsGetTheURLWithoutItsSecrets(t *testing.T) {
	t.Setenv("PGPASSWORD", "another")
	for address, want := range map[string]string{
		"postgres://me:s3cr3t@db:5432/x?sslmode=require":                        "postgres://me@db:5432/x?sslmode=require",
		"postgres://me:s3cr3t@db/x?pool_max_conns=3&search_path=a":              "postgres://me@db/x",
		"postgres://me@db/x?password=s3cr3t&options=-c%20geqo%3Doff":            "postgres://me@db/x?options=-c%20geqo%3Doff",
		"postgresql://me:s3cr3t@/x?host=/run/postgresql&sslrootcert=/a%2Bb.pem": "postgresql://me@/x?host=%2Frun%2Fpostgresql&sslrootcert=%2Fa%2Bb.pem",
	} {
		p, err := newPostgresClient(address)
		if err != nil {
			t.Fatal(err)
		}
		passwords := slices.DeleteFunc(slices.Clone(p.env), func(v string) bool { return !strings.HasPrefix(v, "PGPASSWORD=") })
		if p.url != want || !slices.Equal(passwords, []string{"PGPASSWORD=s3cr3t"}) {
			t.Errorf("%s, %q, want %s", p.url, passwords, want)
		}
	}
	if p, err := newPostgresClient("postgres://me@db/x"); err != nil || !slices.Contains(p.env, "PGPASSWORD=another") {
		t.Errorf("the environment's own password is gone: %v", err)
	}
	if _, err := newPostgresClient("postgres://me@db/x?sslpassword=s3cr3t"); err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("%v", err)
	}
}
