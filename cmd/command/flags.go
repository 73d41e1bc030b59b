package command

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"simrun/scenarios"
	"simrun/scenarios/explore"
	"simrun/sim/luck"
)

const many = 1 << 30

// takes holds a command to so many words beside its flags; who gives fewer or more is shown its line.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return fmt.Errorf("say %s", cmd.UseLine())
		}
		return nil
	}
}

// misread says in our own words what is wrong with the value of a flag.
func misread(_ *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	if !errors.As(err, &value) {
		return err
	}
	why := value.Unwrap()
	var number *strconv.NumError
	if errors.As(why, &number) {
		why = number.Err
	}
	return fmt.Errorf("--%s %q: %s", value.GetFlag().Name, value.GetValue(), strings.TrimPrefix(why.Error(), "time: "))
}

// seedFlags are those that say which run of a scenario is meant.
func (c *call) seedFlags(f *pflag.FlagSet) {
	f.StringVar(&c.seed, "seed", "", "run this `SEED`: 16 hex digits, a git commit of 40, or a decimal number")
	c.setFlag(f)
}

func (c *call) setFlag(f *pflag.FlagSet) {
	f.StringArrayVar(&c.set, "set", nil, "change the scenario by `PATH=VALUE`, such as storm.lasts=5m; may be repeated")
	f.BoolFunc("no-restarts", "whatever ends stays ended until a phase heals it: --set restarts=no", func(text string) error {
		none, err := strconv.ParseBool(text)
		if none {
			c.set = append(c.set, "restarts=no")
		}
		return err
	})
}

// outputFlags are those that say in which form results are told.
func (c *call) outputFlags(f *pflag.FlagSet) {
	c.outFlag(f)
	c.formFlags(f)
}

func (c *call) formFlags(f *pflag.FlagSet) {
	f.BoolVar(&c.json, "json", false, "print results as JSON, one object a line; of a batch the last is the batch")
	f.BoolVar(&c.quiet, "quiet", false, "print nothing but what went wrong")
}

func (c *call) outFlag(f *pflag.FlagSet) {
	f.StringVar(&c.out, "out", defaultOut, "keep runs in `DIR`")
}

func (c *call) junitFlag(f *pflag.FlagSet) {
	f.Func("junit", "write a JUnit report to `FILE`", func(path string) error {
		c.junit = path
		if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
			return errors.New("there is no such folder") // which is to be known before an hour of runs, and not after
		}
		return nil
	})
}

func (c *call) verifyFlag(f *pflag.FlagSet) {
	f.BoolVar(&c.verify, "verify", false, "run what is run again in a second process too: each violation and one seed in twenty")
}

// shardFlag is a shard as a flag.
type shardFlag explore.Shard

func (s *shardFlag) String() string { return explore.Shard(*s).String() }
func (s *shardFlag) Type() string   { return "shard" }
func (s *shardFlag) Set(text string) (err error) {
	*(*explore.Shard)(s), err = explore.ParseShard(text)
	return err
}

// firstSeed is the seed that was asked for, or one that nobody chose.
func (c *call) firstSeed() (luck.Seed, error) {
	if c.seed == "" {
		return scenarios.FreshSeed(), nil
	}
	return scenarios.ParseSeed(c.seed)
}
