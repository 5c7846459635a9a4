package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/diagnosis"
	"github.com/cloudaipilot/terraform-provider-cloudaipilot/internal/scenario"
)

// readScenario reads a scenario file. from and length are the command line's, and go before the file's.
func (c *cli) readScenario(path string, o simulateOptions) (scenario.Scenario, error) {
	raw, err := c.readBounded(path, scenario.MaxBytes)
	if err != nil {
		return scenario.Scenario{}, usageError{fmt.Errorf("scenario %s: %w", plain(path), err)}
	}
	sc, err := scenario.Parse(raw, o.scenarioOptions())
	if err != nil {
		return scenario.Scenario{}, usageError{fmt.Errorf("scenario %s: %w", plain(path), err)}
	}
	return sc, nil
}

// readBounded reads a file, or standard input for "-", that must not be larger than most bytes.
func (c *cli) readBounded(path string, most int64) ([]byte, error) {
	in := c.in
	if path != "-" {
		f, err := os.Open(path)
		if e, ok := errors.AsType[*os.PathError](err); ok {
			return nil, e.Err // the path is said already
		}
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, most+1))
	if err == nil && int64(len(raw)) > most {
		err = fmt.Errorf("it is larger than %s", diagnosis.Bytes(most))
	}
	return raw, err
}

// scenarioOptions are what the flags say before the file does.
func (o *simulateOptions) scenarioOptions() scenario.Options {
	out := scenario.Options{Horizon: o.horizon}
	if o.seedGiven {
		out.Seed = &o.seed
	}
	return out
}
