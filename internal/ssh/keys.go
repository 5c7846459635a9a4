package ssh

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// GenerateKey makes an ed25519 key pair: the private half in OpenSSH's PEM format,
// the public half as a line for authorized_keys. The comment must be one printable line.
func GenerateKey(comment string) (privatePEM []byte, publicLine string, err error) {
	if strings.ContainsFunc(comment, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, "", errors.New("generate key: the comment must be one line of printable characters")
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", fmt.Errorf("generate key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return nil, "", fmt.Errorf("generate key: %w", err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, "", fmt.Errorf("generate key: %w", err)
	}
	line := keyLine(key)
	if comment != "" {
		line += " " + comment
	}
	return pem.EncodeToMemory(block), line, nil
}

// PublicKey returns the authorized_keys line of a private key, without a comment.
// Its errors name what was given instead of a usable key, and never quote it.
func PublicKey(privatePEM []byte) (line string, err error) {
	signer, err := parsePrivateKey(privatePEM)
	if err != nil {
		return "", err
	}
	return keyLine(signer.PublicKey()), nil
}

func parsePrivateKey(privatePEM []byte) (ssh.Signer, error) {
	text := strings.TrimSpace(string(privatePEM))
	if text == "" {
		return nil, ErrNotConfigured
	}
	signer, err := ssh.ParsePrivateKey([]byte(text + "\n"))
	if err == nil {
		return signer, nil
	}
	if _, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
		return nil, errors.New("the private key is encrypted with a passphrase; store it without one: ssh-keygen -p -N '' -f <file>")
	}
	if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text)); err == nil {
		return nil, errors.New("this is a public key, the private key is needed")
	}
	if strings.HasPrefix(text, "PuTTY-User-Key-File") {
		return nil, errors.New("this is a PuTTY key; export it in OpenSSH format: puttygen <file> -O private-openssh")
	}
	if block, _ := pem.Decode([]byte(text)); block == nil {
		return nil, errors.New("this is not a private key: no PEM block (-----BEGIN ... PRIVATE KEY-----) was found")
	}
	return nil, fmt.Errorf("the private key is damaged or of an unsupported kind: %w", err)
}

// pin is a host key the server must present: the key itself, or its fingerprint.
type pin struct {
	key         ssh.PublicKey
	fingerprint string
}

func (p pin) matches(key ssh.PublicKey) bool {
	if p.key != nil {
		return keyLine(p.key) == keyLine(key)
	}
	return p.fingerprint == ssh.FingerprintSHA256(key)
}

func parsePin(s string) (pin, error) {
	const expected = `expected a key line ("ssh-ed25519 AAAA...") or a fingerprint ("SHA256:...")`
	s = strings.TrimSpace(s)
	if len(s) > 16<<10 || strings.ContainsAny(s, "\r\n") {
		return pin{}, errors.New("invalid host key: more than one line; " + expected)
	}
	if digest, ok := strings.CutPrefix(s, "SHA256:"); ok {
		digest = strings.TrimRight(digest, "=")
		sum, err := base64.RawStdEncoding.Strict().DecodeString(digest)
		if err != nil || len(sum) != 32 {
			return pin{}, errors.New(`invalid host key: the fingerprint must be "SHA256:" and 43 base64 characters, as ssh-keygen -l prints it`)
		}
		return pin{fingerprint: "SHA256:" + digest}, nil
	}
	fields := strings.Fields(s)
	if len(fields) < 2 {
		return pin{}, errors.New("invalid host key: " + expected)
	}
	raw, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil {
		return pin{}, errors.New("invalid host key: the second word is not base64; " + expected)
	}
	key, err := ssh.ParsePublicKey(raw)
	if err != nil {
		return pin{}, fmt.Errorf("invalid host key: %w; %s", err, expected)
	}
	if _, ok := key.(*ssh.Certificate); ok {
		return pin{}, errors.New("invalid host key: host certificates are not supported; " + expected)
	}
	if key.Type() != fields[0] {
		return pin{}, fmt.Errorf("invalid host key: the line says %s, but the key is %s", printable(fields[0]), key.Type())
	}
	return pin{key: key}, nil
}

// keyLine is "type base64", without a comment.
func keyLine(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}
