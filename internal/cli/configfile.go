package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/backup"
)

// maxConfigFile bounds a configuration file in bytes. A real one has a few hundred.
const maxConfigFile = 1 << 20

// configFile is what a configuration file says. The zero value is no file.
type configFile struct {
	path   string
	mode   fs.FileMode
	values map[string]configValue // by key
}

type configValue struct {
	text string
	line int
}

// readConfig reads a configuration file: YAML, one mapping from the settings' keys to their values. No error repeats a
// value, which may be a password.
func readConfig(path string, known settings, flags *pflag.FlagSet) (configFile, error) {
	c := configFile{path: path, values: map[string]configValue{}}
	raw, err := c.read()
	if err != nil {
		return c, usageError{fmt.Errorf("configuration file %s: %w", path, err)}
	}
	root, err := c.parse(raw)
	if err != nil {
		return c, err
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if err := c.take(root.Content[i], root.Content[i+1], known, flags); err != nil {
			return c, err
		}
	}
	return c, nil
}

// read returns the file's content.
func (c *configFile) read() ([]byte, error) {
	f, err := os.Open(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no such file")
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, e.Err // the path is said already
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("this is a directory; name the file in it")
	}
	c.mode = info.Mode()
	raw, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(raw) > maxConfigFile:
		return nil, errors.New("it is larger than 1 MiB, which no configuration is: is it another file?")
	case !utf8.Valid(raw):
		return nil, errors.New("it is not UTF-8 text: save it as UTF-8, or name another file")
	}
	return raw, nil
}

// parse returns the mapping that is the whole file.
func (c *configFile) parse(raw []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	var document, another yaml.Node
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) || err == nil && document.Content[0].ShortTag() == "!!null" {
		return nil, usageError{fmt.Errorf("configuration file %s: it is empty: write at least one setting into it, or leave --config out", c.path)}
	}
	if err != nil {
		return nil, usageError{fmt.Errorf("configuration file %s: it is not YAML: %s", c.path, strings.TrimPrefix(err.Error(), "yaml: "))}
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, c.wrong(root.Line, "want lines such as \"listen: 127.0.0.1:8642\"")
	}
	switch err := decoder.Decode(&another); {
	case err == nil:
		return nil, c.wrong(another.Line, "a second document begins here: keep one, without \"---\" between settings")
	case !errors.Is(err, io.EOF):
		return nil, usageError{fmt.Errorf("configuration file %s: it is not YAML: %s", c.path, strings.TrimPrefix(err.Error(), "yaml: "))}
	}
	return root, nil
}

// take notes one setting.
func (c *configFile) take(key, value *yaml.Node, known settings, flags *pflag.FlagSet) error {
	setting, ok := known.named(key.Value)
	if !ok || key.Kind != yaml.ScalarNode {
		hint := "."
		if near := backup.Nearest(key.Value, known.keys()); near != "" {
			hint = fmt.Sprintf("; did you mean %q?", near)
		}
		return c.wrong(key.Line, "%q is not a setting%s Allowed are: %s", backup.Excerpt(key.Value, 64), hint, strings.Join(known.keys(), ", "))
	}
	if before, ok := c.values[setting.key]; ok {
		return c.wrong(key.Line, "%s is set a second time, after line %d: keep one of the two", setting.key, before.line)
	}
	if err := fits(value, flags.Lookup(setting.flag()).Value.Type()); err != nil {
		return c.wrong(value.Line, "%s %w", setting.key, err)
	}
	c.values[setting.key] = configValue{text: value.Value, line: value.Line}
	return nil
}

// tagOf says which kind of YAML value a flag of some type takes. What is not listed takes text.
var tagOf = map[string]string{"bool": "!!bool", "int": "!!int", "int64": "!!int"}

// wanted names the kinds of values in words.
var wanted = map[string]string{"!!bool": "true or false", "!!int": "a whole number", "!!str": "text"}

// fits returns what is wrong with a value that is for a flag of some type.
func fits(value *yaml.Node, flagType string) error {
	want := tagOf[flagType]
	if want == "" {
		want = "!!str"
	}
	switch {
	case value.Kind == yaml.SequenceNode:
		return fmt.Errorf("is a list and must be %s", wanted[want])
	case value.Kind != yaml.ScalarNode:
		return fmt.Errorf("is not a plain value and must be %s", wanted[want])
	case value.ShortTag() == "!!null" || value.Value == "":
		return errors.New("is empty: give it a value, or remove the line")
	case value.ShortTag() != want && want == "!!str":
		return errors.New("must be text: put the value into quotes")
	case value.ShortTag() != want:
		return fmt.Errorf("must be %s", wanted[want])
	}
	return nil
}

// wrong is an error at a line of the file.
func (c *configFile) wrong(line int, format string, args ...any) error {
	return usageError{fmt.Errorf("configuration file %s, line %d: %w", c.path, line, fmt.Errorf(format, args...))}
}

// open reports whether others than the owner and its group can read the file. The group may be that of the service.
func (c *configFile) open() bool { return c.mode.Perm()&0o004 != 0 }
