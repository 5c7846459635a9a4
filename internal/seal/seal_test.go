package seal

import (
	"errors"
	"strings"
	"testing"
)

func TestSealedSecretOpensForItsNameAndKeyAlone(t *testing.T) {
	t.Parallel()
	s := New(Key{1})
	sealed, err := s.Seal("srv_1", []byte("secret"))
	if err != nil || strings.Contains(sealed, "secret") {
		t.Fatalf("sealed %q, %v", sealed, err)
	}
	if got, err := s.Open("srv_1", sealed); err != nil || string(got) != "secret" {
		t.Errorf("opened %q, %v", got, err)
	}
	again, _ := s.Seal("srv_1", []byte("secret"))
	if again == sealed {
		t.Error("the same secret is sealed to the same text")
	}
	for name, open := range map[string]func() ([]byte, error){
		"another name": func() ([]byte, error) { return s.Open("srv_2", sealed) },
		"another key":  func() ([]byte, error) { return New(Key{2}).Open("srv_1", sealed) },
		"changed":      func() ([]byte, error) { return s.Open("srv_1", sealed[:len(sealed)-6]+"AAAA"+sealed[len(sealed)-2:]) },
		"cut short":    func() ([]byte, error) { return s.Open("srv_1", sealed[:10]) },
		"empty":        func() ([]byte, error) { return s.Open("srv_1", "") },
		"no version":   func() ([]byte, error) { return s.Open("srv_1", strings.TrimPrefix(sealed, version)) },
	} {
		if _, err := open(); !errors.Is(err, ErrWrongKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	k, err := NewKey()
	if err != nil || k == (Key{}) {
		t.Fatal(k, err)
	}
	if got, err := ParseKey(" " + k.Text() + "\n"); err != nil || got != k {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzOpen(f *testing.F) {
	s := New(Key{1})
	good, _ := s.Seal("n", []byte("x"))
	f.Add(good)
	f.Add("v1:")
	f.Fuzz(func(t *testing.T, sealed string) {
		if secret, err := s.Open("n", sealed); err == nil && string(secret) != "x" {
			t.Errorf("%q opened to %q", sealed, secret)
		}
	})
}
