package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Terraform runs one Terraform (or OpenTofu) in one working directory, shut off from the user's own settings.
type Terraform struct {
	// Binary is the path of terraform or tofu.
	Binary string
	// Dir is the working directory.
	Dir string
	// Env is the whole environment of every command: the process's own without TF_* and CLOUDAIPILOT_*, and with a
	// user's config directory of its own, so that no key is left behind.
	Env []string
	// OwnGroup keeps the terminal's Ctrl-C from the commands: they are interrupted once, when the context ends.
	OwnGroup bool
	// Stdout and Stderr, where set, get a copy of what a command prints while it runs.
	Stdout, Stderr io.Writer
}

// Result is what a command left.
type Result struct {
	Stdout, Stderr string
	// Exit is the exit status: -1 when a signal ended the command.
	Exit     int
	Duration time.Duration
}

// TerraformConfig says what OpenTerraform sets up.
type TerraformConfig struct {
	// Dir gets everything: the working directory "work", the mirror, the CLI configuration.
	Dir string
	// Binary is the provider.
	Binary string
	// Version under which the mirror offers it. Empty: 0.0.1.
	Version string
}

// NewTerraform finds Terraform, builds the provider and returns a Terraform in an empty working directory
// whose "init" installs that provider.
func NewTerraform(t testing.TB) *Terraform {
	t.Helper()
	tf, err := OpenTerraform(TerraformConfig{Dir: t.TempDir(), Binary: BuildProvider(t)})
	if err != nil {
		t.Fatalf("set up Terraform: %v", err)
	}
	return tf
}

// OpenTerraform is NewTerraform outside of tests. The caller removes the directory.
func OpenTerraform(config TerraformConfig) (*Terraform, error) {
	root, err := ModuleRoot()
	if err != nil {
		return nil, err
	}
	binary, err := FindTerraform(root)
	if err != nil {
		return nil, err
	}
	if config.Version == "" {
		config.Version = "0.0.1"
	}
	settings, err := Mirror(filepath.Join(config.Dir, "mirror"), config.Binary, config.Version)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(config.Dir, "terraform.rc")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		return nil, err
	}
	tf := &Terraform{Binary: binary, Dir: filepath.Join(config.Dir, "work")}
	if err := os.MkdirAll(tf.Dir, 0o700); err != nil {
		return nil, err
	}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TF_") && (!strings.HasPrefix(variable, "CLOUDAIPILOT_") || strings.HasPrefix(variable, "CLOUDAIPILOT_MAX_TRIES=")) {
			tf.Env = append(tf.Env, variable)
		}
	}
	tf.Env = append(tf.Env,
		// The embedded control plane keeps its master key in the user's config directory.
		"XDG_CONFIG_HOME="+filepath.Join(config.Dir, "config"),
		"TF_CLI_CONFIG_FILE="+file, "TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1")
	return tf, nil
}

// Clone returns the same Terraform in another working directory.
func (tf *Terraform) Clone(dir string) *Terraform {
	other := *tf
	other.Dir, other.Env = dir, slices.Clone(tf.Env)
	return &other
}

// Write puts a file into the working directory.
func (tf *Terraform) Write(name, content string) error {
	return os.WriteFile(filepath.Join(tf.Dir, name), []byte(content), 0o600)
}

// Command prepares a command for callers that start, signal or kill it themselves.
func (tf *Terraform) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, tf.Binary, args...)
	cmd.Dir, cmd.Env = tf.Dir, tf.Env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: tf.OwnGroup}
	// As Ctrl-C does: Terraform asks the provider to stop and writes its state.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = time.Minute
	return cmd
}

// Run runs a command to its end. An exit status other than zero is not an error, it is in the result: only a
// command that could not be started is. When the context ends, the command is interrupted as by Ctrl-C.
func (tf *Terraform) Run(ctx context.Context, args ...string) (Result, error) {
	var stdout, stderr bytes.Buffer
	cmd := tf.Command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if tf.Stdout != nil {
		cmd.Stdout = io.MultiWriter(&stdout, tf.Stdout)
	}
	if tf.Stderr != nil {
		cmd.Stderr = io.MultiWriter(&stderr, tf.Stderr)
	}
	start := time.Now()
	err := cmd.Run()
	result := Result{Stdout: stdout.String(), Stderr: stderr.String(), Duration: time.Since(start)}
	if cmd.ProcessState == nil {
		return result, fmt.Errorf("start %s: %w", tf.Binary, err)
	}
	result.Exit = cmd.ProcessState.ExitCode()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && ctx.Err() == nil {
		return result, err
	}
	return result, nil
}

// Must runs a command and fails the test unless it exits with zero. It returns standard output.
func (tf *Terraform) Must(t testing.TB, args ...string) string {
	t.Helper()
	result, err := tf.Run(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	if result.Exit != 0 {
		t.Fatalf("%s %s: exit status %d\n%s%s",
			filepath.Base(tf.Binary), strings.Join(args, " "), result.Exit, result.Stdout, result.Stderr)
	}
	return result.Stdout
}

// oldest is the first Terraform and OpenTofu with write-only arguments.
var oldest = [2]int{1, 11}

// FindTerraform returns the path of a terraform or tofu that is new enough: $TF_ACC_TERRAFORM_PATH, else the first
// of terraform and tofu on the PATH, else the one installed into the checkout.
func FindTerraform(root string) (string, error) {
	candidates := []string{os.Getenv("TF_ACC_TERRAFORM_PATH")}
	for _, name := range []string{"terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil {
			candidates = append(candidates, path)
		}
	}
	candidates = append(candidates, filepath.Join(root, ".cache", "bin", "terraform"))
	var rejected []string
	for _, path := range candidates {
		if path == "" {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			continue
		}
		version, err := terraformVersion(path)
		if err == nil && !newEnough(version) {
			err = fmt.Errorf("version %s is older than %d.%d", version, oldest[0], oldest[1])
		}
		if err == nil {
			return path, nil
		}
		rejected = append(rejected, fmt.Sprintf("%s: %v", path, err))
	}
	message := fmt.Sprintf("no terraform or tofu %d.%d or newer was found; \"make terraform\" installs one into the checkout", oldest[0], oldest[1])
	if len(rejected) > 0 {
		message += " (" + strings.Join(rejected, "; ") + ")"
	}
	return "", errors.New(message)
}

func terraformVersion(path string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "version", "-json")
	cmd.Env = []string{"CHECKPOINT_DISABLE=1", "HOME=" + os.TempDir()}
	out, err := cmd.Output()
	if err != nil {
		return "", err
	}
	// OpenTofu keeps Terraform's name for the field.
	var version struct {
		Number string `json:"terraform_version"`
	}
	if err := json.Unmarshal(out, &version); err != nil {
		return "", err
	}
	return version.Number, nil
}

func newEnough(version string) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil {
		return false
	}
	return slices.Compare([]int{major, minor}, oldest[:]) >= 0
}
