package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/seal"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/store"
)

// Where the master key comes from, in this order; else it is a file in the user's configuration directory, never
// one beside the database.
const (
	MasterKeyEnv     = "CLOUDAIPILOT_MASTER_KEY"
	MasterKeyFileEnv = "CLOUDAIPILOT_MASTER_KEY_FILE"
)

const keyCheckName, keyCheckText = "key-check", "cloudaipilot"

// keyring is a sealer that looks for the master key when it first needs it: whoever only reads records needs none.
type keyring struct {
	store  *store.Store
	create bool // make a key where there is none

	mu     sync.Mutex
	opened *seal.Sealer
}

// Seal implements controlplane.Sealer.
func (k *keyring) Seal(name string, secret []byte) (string, error) {
	s, err := k.open()
	if err != nil {
		return "", err
	}
	return s.Seal(name, secret)
}

// Open implements controlplane.Sealer.
func (k *keyring) Open(name, sealed string) ([]byte, error) {
	s, err := k.open()
	if err != nil {
		return nil, err
	}
	return s.Open(name, sealed)
}

func (k *keyring) open() (*seal.Sealer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.opened != nil {
		return k.opened, nil
	}
	s, err := k.find()
	if err == nil {
		k.opened = s
	}
	return s, err
}

// fits checks that the master key at hand is the one of the records, where they have any secrets yet.
func (k *keyring) fits(ctx context.Context) error {
	check, err := k.store.KeyCheck(ctx)
	if err != nil || check == "" {
		return err
	}
	_, err = k.open()
	return err
}

// find finds the master key and checks that it is the one the records were sealed with.
func (k *keyring) find() (*seal.Sealer, error) {
	ctx := context.Background()
	check, err := k.store.KeyCheck(ctx)
	if err != nil {
		return nil, err
	}
	key, where, err := masterKey(k.create && check == "")
	if err != nil {
		return nil, err
	}
	s := seal.New(key)
	if check == "" {
		if !k.create {
			return s, nil
		}
		sealed, err := s.Seal(keyCheckName, []byte(keyCheckText))
		if err != nil {
			return nil, err
		}
		return s, k.store.SetKeyCheck(ctx, sealed)
	}
	if _, err := s.Open(keyCheckName, check); err != nil {
		return nil, fmt.Errorf("the master key from %s is not the one these records were sealed with: %w; set %s or %s to the right one",
			where, err, MasterKeyEnv, MasterKeyFileEnv)
	}
	return s, nil
}

// absentKeyError says that there is no master key where one is made for the first records.
type absentKeyError struct{ path string }

func (e *absentKeyError) Error() string {
	return fmt.Sprintf("the master key that these records were sealed with is not in %s; put it back, or set %s or %s", e.path, MasterKeyEnv, MasterKeyFileEnv)
}

// masterKey finds the master key and says where.
func masterKey(create bool) (seal.Key, string, error) {
	if text := os.Getenv(MasterKeyEnv); text != "" {
		key, err := seal.ParseKey(text)
		return key, MasterKeyEnv, wrap(MasterKeyEnv, err)
	}
	if path := os.Getenv(MasterKeyFileEnv); path != "" {
		key, err := readKey(path, othersMay)
		return key, path, wrap(MasterKeyFileEnv, err)
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return seal.Key{}, "", fmt.Errorf("no place for the master key: %w; set %s or %s", err, MasterKeyEnv, MasterKeyFileEnv)
	}
	path := filepath.Join(dir, "cloudaipilot", "master.key")
	key, err := readKey(path, anybodyMay)
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return key, path, &absentKeyError{path}
		}
		key, err = makeKey(path)
	}
	return key, path, wrap("master key", err)
}

// Bits of a mode that a key's file must not have. Where the user names the file, its group may read it: systemd hands
// credentials over with an access list, which shows as the group's bits.
const (
	anybodyMay = 0o077
	othersMay  = 0o027
)

func readKey(path string, forbidden fs.FileMode) (key seal.Key, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return key, err
	}
	if info.Mode().Perm()&forbidden != 0 {
		return key, fmt.Errorf("%s may be read by others (mode %#o); correct it with: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return key, err
	}
	if key, err = seal.ParseKey(string(raw)); err != nil {
		return key, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// makeKey writes a new key, whole or not at all; where another process was faster, that one's key is the one.
func makeKey(path string) (seal.Key, error) {
	key, err := seal.NewKey()
	if err != nil {
		return key, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return key, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".master-*") // 0600
	if err != nil {
		return key, err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(key.Text() + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return key, err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return key, err
	}
	return readKey(path, anybodyMay)
}

func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
