package backup

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

var hostKeyTypes = []string{
	"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa",
	"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
}

const fingerprintPrefix = "SHA256:"

// CheckHostKey checks that s is a host key as OpenSSH writes it: a line "ssh-ed25519 AAAA... [comment]",
// or a fingerprint "SHA256:" and 43 characters, as "ssh-keygen -lf" prints it.
func CheckHostKey(s string) error {
	if len(s) > maxHostKeyLength || strings.ContainsAny(s, "\r\n\x00") {
		return errors.New("a host key is a single line")
	}
	if digest, ok := strings.CutPrefix(s, fingerprintPrefix); ok {
		if raw, err := base64.RawStdEncoding.Strict().DecodeString(digest); err != nil || len(raw) != 32 {
			return fmt.Errorf("%q is not a fingerprint: want SHA256: and 43 characters", Excerpt(s, 80))
		}
		return nil
	}
	fields := strings.Fields(s)
	if len(fields) < 2 || !slices.Contains(hostKeyTypes, fields[0]) {
		return fmt.Errorf("%q is not a host key: want a line such as \"ssh-ed25519 AAAA...\" or a fingerprint \"SHA256:...\"", Excerpt(s, 80))
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(fields[1])
	if err != nil || !wholeKey(blob, fields[0]) {
		return fmt.Errorf("the key in %q is damaged: its second word does not hold a key of type %s", Excerpt(s, 80), fields[0])
	}
	return nil
}

// partsOf is how many length-prefixed parts a public key of each type has behind its name (RFC 4253 6.6, RFC 5656 3.1,
// RFC 8709 4, OpenSSH PROTOCOL.u2f).
var partsOf = map[string]int{
	"ssh-ed25519": 1, "ssh-rsa": 2, "ecdsa-sha2-nistp256": 2, "ecdsa-sha2-nistp384": 2, "ecdsa-sha2-nistp521": 2,
	"sk-ssh-ed25519@openssh.com": 2, "sk-ecdsa-sha2-nistp256@openssh.com": 3,
}

// wholeKey reports whether the blob holds a key of that type from its first byte to its last.
func wholeKey(blob []byte, keyType string) bool {
	parts := 0
	for len(blob) >= 4 {
		n := binary.BigEndian.Uint32(blob)
		blob = blob[4:]
		if uint64(n) > uint64(len(blob)) || n == 0 {
			return false
		}
		if parts == 0 && string(blob[:n]) != keyType {
			return false
		}
		blob = blob[n:]
		parts++
	}
	return len(blob) == 0 && parts == partsOf[keyType]+1
}
