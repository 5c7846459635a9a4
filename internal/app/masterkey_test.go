package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/seal"
)

func TestMasterKeyComesFromTheEnvironmentFirst(t *testing.T) {
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	made, where, err := masterKey(true)
	if err != nil || where != filepath.Join(config, "cloudaipilot", "master.key") {
		t.Fatalf("made %s, %v", where, err)
	}
	if again, _, err := masterKey(false); err != nil || again != made {
		t.Errorf("the second time another key: %v", err)
	}
	inFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(inFile, []byte(seal.Key{2}.Text()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(MasterKeyFileEnv, inFile)
	if got, _, err := masterKey(false); err != nil || got != (seal.Key{2}) {
		t.Errorf("from the file: %v", err)
	}
	t.Setenv(MasterKeyEnv, seal.Key{3}.Text())
	if got, _, err := masterKey(false); err != nil || got != (seal.Key{3}) {
		t.Errorf("from the environment: %v", err)
	}
}

func TestMasterKeyProblemsAreNamed(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	if _, _, err := masterKey(false); err == nil || !strings.Contains(err.Error(), "put it back") {
		t.Errorf("a lost key: %v", err)
	}
	t.Setenv(MasterKeyEnv, "c2hvcnQ=")
	if _, _, err := masterKey(true); err == nil || strings.Contains(err.Error(), "c2hvcnQ") || !strings.Contains(err.Error(), "openssl rand") {
		t.Errorf("a short key: %v", err)
	}
	t.Setenv(MasterKeyEnv, "")
	open := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(open, []byte(seal.Key{2}.Text()), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv(MasterKeyFileEnv, open)
	if _, _, err := masterKey(true); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key for all to read: %v", err)
	}
}

func TestMasterKeyThatSystemdHandsOverIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(seal.Key{2}.Text()), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(MasterKeyFileEnv, file)
	for mode, good := range map[os.FileMode]bool{0o400: true, 0o440: true, 0o600: true, 0o460: false, 0o404: false} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if _, _, err := masterKey(false); (err == nil) != good {
			t.Errorf("mode %#o: %v", mode, err)
		}
	}
}
