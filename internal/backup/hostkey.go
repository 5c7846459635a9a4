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
		if raw, err := base64.RawStdEncoding.DecodeString(digest); err != nil || len(raw) != 32 {
			return fmt.Errorf("%q is not a fingerprint: want SHA256: and 43 characters", Excerpt(s, 80))
		}
		return nil
	}
	fields := strings.Fields(s)
	if len(fields) < 2 || !slices.Contains(hostKeyTypes, fields[0]) {
		return fmt.Errorf("%q is not a host key: want a line such as \"ssh-ed25519 AAAA...\" or a fingerprint \"SHA256:...\"", Excerpt(s, 80))
	}
	blob, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil || !strings.HasPrefix(string(blob), string(binary.BigEndian.AppendUint32(nil, uint32(len(fields[0]))))+fields[0]) { //nolint:gosec // a type's name is short
		return fmt.Errorf("the key in %q is damaged: its second word does not hold a key of type %s", Excerpt(s, 80), fields[0])
	}
	return nil
}
