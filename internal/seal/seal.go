// Package seal keeps secrets unreadable in the store: XChaCha20-Poly1305 under one master key.
//
// It never writes a secret or the key anywhere but to the key's own file. Start reading at Sealer.
package seal

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// version stands in front of every sealed text, so that a later format can be told apart.
const version = "v1:"

// ErrWrongKey says that a text was sealed with another master key, or was changed since.
var ErrWrongKey = errors.New("sealed with another master key, or damaged")

// Key is a master key: 32 random bytes.
type Key [chacha20poly1305.KeySize]byte

// NewKey makes a master key.
func NewKey() (k Key, err error) {
	_, err = rand.Read(k[:])
	return k, err
}

// ParseKey reads a key as Text writes it. The error never holds the text.
func ParseKey(s string) (k Key, err error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
	if err != nil || len(raw) != len(k) {
		return k, fmt.Errorf("a master key is %d random bytes in base64, as \"openssl rand -base64 32\" prints", len(k))
	}
	copy(k[:], raw)
	return k, nil
}

// Text writes the key in base64.
func (k Key) Text() string { return base64.StdEncoding.EncodeToString(k[:]) }

// Sealer seals under one key.
type Sealer struct{ key Key }

// New returns a sealer under the key.
func New(k Key) *Sealer { return &Sealer{key: k} }

// Seal encrypts a secret for the record called name.
func (s *Sealer) Seal(name string, secret []byte) (string, error) {
	aead, err := chacha20poly1305.NewX(s.key[:])
	if err != nil {
		return "", err
	}
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(secret)+aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	return version + base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, secret, []byte(name))), nil
}

// Open decrypts what Seal made for the same name. It fails with ErrWrongKey under another key or name.
func (s *Sealer) Open(name, sealed string) ([]byte, error) {
	text, ok := strings.CutPrefix(sealed, version)
	raw, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(raw) < chacha20poly1305.NonceSizeX {
		return nil, ErrWrongKey
	}
	aead, err := chacha20poly1305.NewX(s.key[:])
	if err != nil {
		return nil, err
	}
	secret, err := aead.Open(nil, raw[:aead.NonceSize()], raw[aead.NonceSize():], []byte(name))
	if err != nil {
		return nil, ErrWrongKey
	}
	return secret, nil
}
