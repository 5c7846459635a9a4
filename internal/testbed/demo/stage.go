package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/testbed"
)

// stage is what the story plays on: one folder with the server's home and Terraform's working directory.
type stage struct {
	root   string
	dir    string
	home   string
	site   string
	server *testbed.GoSSHServer
	tf     *testbed.Terraform
}

func openStage() (*stage, error) {
	root, err := testbed.ModuleRoot()
	if err != nil {
		return nil, err
	}
	provider := filepath.Join(root, "bin", "terraform-provider-cloudaipilot")
	if _, err := os.Stat(provider); err != nil {
		return nil, fmt.Errorf("the provider is not built, \"make demo\" does that: %w", err)
	}
	dir, err := os.MkdirTemp("", "cloudaipilot-demo-")
	if err != nil {
		return nil, err
	}
	s := &stage{root: root, dir: dir, home: filepath.Join(dir, "server"), site: filepath.Join(dir, "server", "www")}
	if err := s.fillServer(); err != nil {
		return s, fmt.Errorf("fill the server: %w", err)
	}
	s.server, err = testbed.StartGoSSHServer(testbed.GoSSHOptions{AuthorizedKeys: s.authorizedKeys(), Home: s.home})
	if err != nil {
		return s, fmt.Errorf("start the SSH server: %w", err)
	}
	s.tf, err = testbed.OpenTerraform(testbed.TerraformConfig{
		Dir: dir, Binary: provider,
	})
	if err != nil {
		return s, err
	}
	s.tf.OwnGroup = true
	return s, s.fillWorkdir()
}

// close ends what still runs and removes the folder.
func (s *stage) close(keep bool) error {
	if s.server != nil {
		s.server.EndCommands()
		s.server.Close()
	}
	if keep {
		fmt.Printf("\nKept %s\n", s.dir)
		return nil
	}
	return os.RemoveAll(s.dir)
}

func (s *stage) authorizedKeys() string { return filepath.Join(s.home, ".ssh", "authorized_keys") }

// fillServer makes the login user's home: a website worth a backup, and an authorized_keys that lets nobody in.
func (s *stage) fillServer() error {
	files := map[string]string{
		s.authorizedKeys():                                                    "",
		filepath.Join(s.site, "index.html"):                                   "<h1>Hello</h1>\n",
		filepath.Join(s.site, "css", "style.css"):                             "h1 { color: teal }\n",
		filepath.Join(s.site, "images", "big.svg"):                            strings.Repeat("<circle r=\"1\"/>\n", 50_000),
		filepath.Join(s.site, "a name with spaces, 'quotes' and ünïcödé.txt"): "still one file\n",
	}
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return os.Symlink("index.html", filepath.Join(s.site, "default.html"))
}

// fillWorkdir copies the quick start and answers its variables.
func (s *stage) fillWorkdir() error {
	if err := os.CopyFS(s.tf.Dir, os.DirFS(filepath.Join(s.root, "examples", "quickstart"))); err != nil {
		return err
	}
	values, err := json.MarshalIndent(map[string]any{
		"host": s.server.Host, "port": s.server.Port, "user": s.server.User, "host_key": s.server.HostKeyLine,
		"backup_dir": filepath.Join(s.home, "backups"), "paths": []string{s.site},
	}, "", "  ")
	if err != nil {
		return err
	}
	return s.tf.Write("terraform.tfvars.json", string(values))
}

// terraform runs a command and insists on its exit status.
func (s *stage) terraform(ctx context.Context, wantExit int, args ...string) (testbed.Result, error) {
	fmt.Printf("   $ %s %s\n", filepath.Base(s.tf.Binary), strings.Join(args, " "))
	result, err := s.tf.Run(ctx, append(args, "-no-color")...)
	switch {
	case err != nil:
		return result, err
	case ctx.Err() != nil:
		return result, ctx.Err()
	case result.Exit != wantExit:
		return result, fmt.Errorf("exit status %d, want %d\n%s%s", result.Exit, wantExit, result.Stdout, result.Stderr)
	}
	return result, nil
}

// output reads one output value of the configuration.
func (s *stage) output(ctx context.Context, name string, value any) error {
	result, err := s.tf.Run(ctx, "output", "-json", name)
	if err != nil {
		return err
	}
	if result.Exit != 0 {
		return fmt.Errorf("terraform output %s: %s", name, result.Stderr)
	}
	return json.Unmarshal([]byte(result.Stdout), value)
}

// cli runs bin/cloudaipilot on the same data directory.
func (s *stage) cli(ctx context.Context, args ...string) (string, error) {
	fmt.Printf("   $ cloudaipilot %s\n", strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, filepath.Join(s.root, "bin", "cloudaipilot"), args...)
	cmd.Dir, cmd.Env = s.tf.Dir, s.tf.Env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, stderr.String())
	}
	return string(out), nil
}

// show prints text under a step, indented, without blank lines at its ends.
func show(text string) {
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		fmt.Println(strings.TrimRight("   | "+line, " "))
	}
}

// lines keeps the lines that hold one of the words.
func lines(text string, words ...string) string {
	var kept []string
	for line := range strings.SplitSeq(text, "\n") {
		for _, word := range words {
			if strings.Contains(line, word) {
				kept = append(kept, strings.TrimSpace(line))
				break
			}
		}
	}
	return strings.Join(kept, "\n")
}
