package diagnosis

import (
	"regexp"
	"strings"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// masked stands where a secret stood.
const masked = "***"

const (
	pemBegin = "-----BEGIN"
	pemEnd   = "-----END"
)

// value is what follows the name of a secret: in quotes all that is quoted, else a word. Quotes that are escaped are JSON
// in JSON, and end at an escaped one.
const value = `(?:\\+"(?:[^"\\\n]|\\[^"\\])*\\*"?|"(?:[^"\\\n]|\\.)*"?|\\*'(?:[^'\\\n]|\\.)*'?|(?:[^\s"'\\,;&{}<>()]|\\[^nrt"'\\])+)`

// secretName is the name of something secret, as the end of a longer name too: RESTIC_PASSWORD, db-password, x-api-key.
const secretName = `(?:pass(?:word|wd|phrase|code)?|pwd|pgpass(?:word)?|secret(?:[_ -]?(?:access)?[_ -]?key|[_ -]?id)?|client[_-]?secret|token|` +
	`api[_-]?key|access[_-]?key|account[_-]?key|application[_-]?key|shared[_-]?key|private[_-]?key(?:_id)?|encryption[_-]?key|master[_-]?key|` +
	`sharedaccesssignature|credentials?|sig|signature|x-amz-(?:signature|credential|security-token)|auth|cookie|session[_-]?id|kennwort|passwort)`

// masks are applied in this order. Each is linear in the text's length, as all of Go's regular expressions are.
var masks = []struct {
	pattern backup.Pattern
	with    string
}{
	{backup.NewPattern(`(?s)-----BEGIN[A-Z0-9 ]*(?:PRIVATE KEY|SECRET)[A-Z0-9 ]*-----.*?(?:-----END[A-Z0-9 ]*-----|$)`), "-----" + masked + "-----"},
	{backup.NewPattern(`AGE-SECRET-KEY-1[0-9A-Z]+`), masked},
	{backup.NewPattern(`(?i)((?:proxy-)?authorization\\*["']?\s*[:=]\s*\\*["']?)(?:[a-z0-9-]+ +)?[^"'\n\\]+`), "${1}" + masked},
	{backup.NewPattern(`(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{6,}`), "${1} " + masked},
	// In URLs: what stands between the user, or the scheme, and the host. A password may hold an @ itself.
	{backup.NewPattern(`(?i)\b([a-z][a-z0-9+.-]{0,30}://)([^\s/:@"'<>]*):([^\s"'<>]*)@`), "${1}${2}:" + masked + "@"},
	{backup.NewPattern(`(?i)\b([a-z][a-z0-9+.-]{0,30}://)[^\s/:@"'<>]{16,}@`), "${1}" + masked + "@"},
	{backup.NewPattern(`(?i)\b([a-z0-9_.@-]+):([^\s/:@"'<>]+)@tcp\(`), "${1}:" + masked + "@tcp("}, // Go's MySQL driver
	// Arguments of programs.
	{backup.NewPattern(`(?i)((?:mysql|mysqldump|mysqladmin|mysqlpump|mysqlcheck|mariadb|mariadb-dump|mariabackup|mydumper|xtrabackup|mongo(?:dump|sh)?|sshpass|7z[a-z]?|zip|rar)\b[^\n]*?\s(?-i:-p) ?)(` + value + `)`), "${1}" + masked},
	{backup.NewPattern(`(?i)(\s--?[a-z-]*(?:password|passwd|passphrase|secret|token|(?:api|access|secret|account)-key)[a-z-]*[ =]\s*)(` + value + `)`), "${1}" + masked},
	{backup.NewPattern(`(?i)(redis-cli\b[^\n]*?\s-a\s+)(` + value + `)`), "${1}" + masked},
	{backup.NewPattern(`(?i)(curl\b[^\n]*?\s(?:-u|--user)[ =]\s*[^\s:"']*:)(` + value + `)`), "${1}" + masked},
	// Names with values: environments, connection strings, JSON, YAML, XML, SQL.
	{backup.NewPattern(`(?i)((?:^|[^a-z])(?:[a-z0-9]+[_.-])*` + secretName + `\\*["']?\s*(?:=>|[:=])\s*)(` + value + `)`), "${1}" + masked},
	{backup.NewPattern(`(?i)(\b[a-z0-9_]*(?:password|passwd|pwd|secret|token|passphrase|_key)=)(` + value + `)`), "${1}" + masked},
	{backup.NewPattern(`(?i)(<[a-z0-9:_-]*(?:password|secret[a-z]*|token|accesskey)>)[^<]+`), "${1}" + masked},
	{backup.NewPattern(`(?i)(identified\s+(?:with\s+\S+\s+)?(?:by|as)\s+(?:password\s+)?)(` + value + `)`), "${1}" + masked},
	// What is a secret by its looks.
	{backup.NewPattern(`\b(AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}`), "${1}" + masked},
	{backup.NewPattern(`\b(cap_|ghp_|gho_|ghs_|github_pat_|glpat-|xox[a-z]-|sk-|sk_live_|rk_live_|dop_v1_|hf_|npm_|pypi-|AIza|ya29\.|GOCSPX-|SG\.)[A-Za-z0-9_.-]{8,}`), "${1}" + masked},
	{backup.NewPattern(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?`), masked},
	{backup.NewPattern(`\bbot[0-9]{6,}:[A-Za-z0-9_-]{20,}`), "bot" + masked},
	{backup.NewPattern(`(https?://(?:hooks\.slack\.com/services|discord(?:app)?\.com/api/webhooks|[a-z0-9.-]*webhook\.office\.com)/)[^\s"']+`), "${1}" + masked},
}

// said are values that no secret has: programs say them of passwords.
var said = map[string]bool{"yes": true, "no": true, "true": true, "false": true, "null": true, "none": true, "***": true, "required": true, "": true}

// keyLike also finds SSH's public keys and fingerprints, to leave them as they are.
var keyLike = backup.NewPattern(`(?:SHA256:|AAAA(?:B3Nz|C3Nz|E2Vj|GnNr|InNr))[A-Za-z0-9/+=]+|[A-Za-z0-9/+]{40}`)

// Mask hides the secrets in a text: private keys, access keys, tokens, passwords in URLs, connection strings, commands,
// environments, JSON and XML. It would rather hide too much than too little.
func Mask(s string) string {
	for _, m := range masks {
		if !strings.Contains(m.with, "${1}") || m.pattern().NumSubexp() != 2 || strings.Contains(m.with, "${2}") {
			s = m.pattern().ReplaceAllString(s, m.with)
			continue
		}
		s = replaceValues(m.pattern(), s)
	}
	return keyLike().ReplaceAllStringFunc(s, func(k string) string {
		if !strings.HasPrefix(k, "SHA256:") && !strings.HasPrefix(k, "AAAA") && strings.ContainsAny(k, "0123456789") && strings.ToLower(k) != k && strings.ToUpper(k) != k {
			return masked
		}
		return k
	})
}

// replaceValues masks the second group, and keeps the quotes around it.
func replaceValues(pattern *regexp.Regexp, s string) string {
	var out strings.Builder
	at := 0
	for _, m := range pattern.FindAllStringSubmatchIndex(s, -1) {
		from, to := m[4], m[5]
		if from < at {
			continue
		}
		for from < to && strings.IndexByte(`\"'`, s[from]) >= 0 {
			from++
		}
		for to > from && strings.IndexByte(`\"'`, s[to-1]) >= 0 {
			to--
		}
		if said[strings.ToLower(s[from:to])] {
			continue
		}
		out.WriteString(s[at:from])
		out.WriteString(masked)
		at = to
	}
	out.WriteString(s[at:])
	return out.String()
}
