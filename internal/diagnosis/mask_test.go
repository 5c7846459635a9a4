package diagnosis

import (
	"strings"
	"testing"
)

// TestMask has every kind of secret that error texts carry hidden, and the words around it kept.
func TestMask(t *testing.T) {
	t.Parallel()
	const secret = "Zx9kQ2vLw8TnR4pB"
	for name, test := range map[string]struct{ in, keeps string }{
		"private key":                {"before\n-----BEGIN OPENSSH PRIVATE KEY-----\n" + secret + "\n" + secret + "\n-----END OPENSSH PRIVATE KEY-----\nafter", "after"},
		"private key, escaped":       {`{"key":"-----BEGIN RSA PRIVATE KEY-----\n` + secret + `\n-----END RSA PRIVATE KEY-----\n","x":1}`, `"x":1`},
		"private key, cut off":       {"-----BEGIN PRIVATE KEY-----\n" + secret + "\n" + secret, ""},
		"age key":                    {"AGE-SECRET-KEY-1QQQQ" + strings.ToUpper(secret), ""},
		"access key id":              {"key AKIA" + strings.ToUpper(secret) + " refused", "refused"},
		"secret access key":          {"AWS_SECRET_ACCESS_KEY=" + secret + "/x+y restic backup", "restic backup"},
		"secret key by its looks":    {"tried wJalrXUtnFEMI/K7MDENG/bPxRfiCYab" + secret[:8] + " once", "once"},
		"bearer":                     {"Authorization: Bearer " + secret + "\nHTTP 401", "HTTP 401"},
		"basic, JSON":                {`{"Authorization":"Basic ` + secret + `==","status":403}`, `"status":403`},
		"signature header":           {"Authorization: AWS4-HMAC-SHA256 Credential=AK/2024/s3, SignedHeaders=host, Signature=" + secret, "Authorization"},
		"cap token":                  {"token cap_" + secret + " was revoked", "was revoked"},
		"github token":               {"ghp_" + secret + secret + " x", " x"},
		"JWT":                        {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0." + secret + " expired", "expired"},
		"URL":                        {"Get https://backup:" + secret + "@store.example.com/r: 403", "store.example.com/r: 403"},
		"URL with @ in the password": {"postgres://app:p@" + secret + "@db:5432/app failed", "db:5432/app failed"},
		"URL with token alone":       {"https://" + secret + "x@git.example.com/r", "git.example.com"},
		"Go's MySQL driver":          {"root:" + secret + "@tcp(db:3306)/app: refused", "refused"},
		"libpq":                      {"host=db user=app password=" + secret + " dbname=app", "dbname=app"},
		"libpq, quoted":              {"host=db password='" + secret + " with space' dbname=app", "dbname=app"},
		"ADO":                        {"Server=db;User Id=sa;Password=" + secret + ";Encrypt=no", "Encrypt=no"},
		"Azure":                      {"DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" + secret + "==;EndpointSuffix=core", "EndpointSuffix"},
		"Azure SAS":                  {"https://a.blob.core.windows.net/c?sv=2020&sig=" + secret + "%3D&se=2024", "se=2024"},
		"presigned":                  {"https://s3/b?X-Amz-Credential=" + secret + "&X-Amz-Signature=" + secret + "&x=1", "x=1"},
		"-p":                         {"mysqldump -h db -P 3306 -uroot -p" + secret + " -A: exit 2", "-A: exit 2"},
		"-p in quotes":               {"mariadb-dump -u root -p'" + secret + " x' app", "app"},
		"sshpass":                    {"sshpass -p " + secret + " ssh web", "ssh web"},
		"--password=":                {"mongodump --gzip --password=" + secret + " --username=u", "--username=u"},
		"--password ":                {"pg_x --password " + secret + " --host db", "--host db"},
		"--secret-key":               {"--s3-secret-key=" + secret + " --s3-bucket=b", "--s3-bucket=b"},
		"PGPASSWORD":                 {"PGPASSWORD=" + secret + " pg_dump app", "pg_dump app"},
		"MYSQL_PWD":                  {"+ MYSQL_PWD='" + secret + "' mysqldump", "mysqldump"},
		"RESTIC_PASSWORD":            {"export RESTIC_PASSWORD=\"" + secret + "\"", "export"},
		"JSON":                       {`{"user":"a","password":"` + secret + `","host":"h"}`, `"host":"h"`},
		"JSON in JSON":               {`{"msg":"{\"password\":\"` + secret + `\",\"host\":\"h\"}"}`, `host`},
		"JSON, escaped quote":        {`{"password":"ab\"` + secret + `","host":"h"}`, `"host":"h"`},
		"camel case":                 {`secretAccessKey: "` + secret + `", region: eu`, "region: eu"},
		"PHP":                        {`'password' => '` + secret + `', 'host' => 'h'`, `'host'`},
		"YAML":                       {"  db_password: " + secret + "\n  host: h", "host: h"},
		"XML":                        {"<SecretAccessKey>" + secret + "</SecretAccessKey><Code>x</Code>", "<Code>x"},
		"SQL":                        {"GRANT ALL ON *.* TO 'b' IDENTIFIED BY '" + secret + "'; failed", "failed"},
		"redis-cli":                  {"redis-cli -h r -a " + secret + " save", "save"},
		"curl":                       {"curl -u admin:" + secret + " https://x", "https://x"},
		"telegram":                   {"https://api.telegram.org/bot123456789:" + secret + secret + "/sendMessage", "/sendMessage"},
		"slack":                      {"POST https://hooks.slack.com/services/T0/B0/" + secret + " 404", "404"},
		"header":                     {"X-Api-Key: " + secret + "\nHost: h", "Host: h"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Mask(test.in)
			for _, s := range []string{secret, strings.ToUpper(secret), secret[:8]} {
				if strings.Contains(got, s) {
					t.Errorf("%q is still in %q", s, got)
				}
			}
			if !strings.Contains(got, test.keeps) {
				t.Errorf("%q is gone: %q", test.keeps, got)
			}
			if again := Mask(got); again != got {
				t.Errorf("masked again, it is %q, not %q", again, got)
			}
		})
	}
}

// TestMaskKeepsWhatErrorsSay has the messages that name passwords and keys readable.
func TestMaskKeepsWhatErrorsSay(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"Access denied for user 'root'@'localhost' (using password: YES)",
		"sudo: a password is required",
		`FATAL:  password authentication failed for user "backup"`,
		"cloudpilot@203.0.113.10: Permission denied (publickey,password).",
		"InvalidAccessKeyId: The AWS Access Key Id you provided does not exist in our records.",
		"tar: srv/secret.key: Cannot open: Permission denied",
		"md5 d41d8cd98f00b204e9800998ecf8427e, sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"ssh -p 22 backup@host true",
		"dial tcp 203.0.113.10:22: connect: connection refused",
		"s3:https://s3.eu-west-3.amazonaws.com/bucket/path",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGVyvWr8r5Q0R1Q1m9m8mJr2W0d7Qxk5yQ3pYg2cV4dT web-1",
		"host key mismatch: SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8",
	} {
		if got := Mask(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}
