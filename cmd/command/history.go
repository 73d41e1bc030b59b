package command

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"simrun/checkers"
	"simrun/nodes/history/jepsen"
	"simrun/reports"
	"simrun/scenarios"
	"simrun/scenarios/decode"
)

// judging is what the flags of check-history say.
type judging struct {
	model, initial string
	keyed, others  bool
	epsilon        time.Duration
	states, bytes  int64
}

func (c *call) historyCommand() *cobra.Command {
	var j judging
	cmd := &cobra.Command{
		Use:                   "check-history --model MODEL FILE",
		DisableFlagsInUseLine: true,
		Short:                 "Judge a history that was recorded anywhere, also by Jepsen",
		Long: `Check-history reads what clients of some system did and were told, and says whether an object of the MODEL could
have answered them so. FILE is the history.jsonl of a run, or what Jepsen leaves (history.edn); - is standard
input. It ends with 0 if the model holds, 1 if it is violated, 3 if nobody can say, and 2 if the file is broken.

The models are ` + strings.Join(names(), ", ") + `.`,
		Example: c.example(`  simrun check-history --model register history.edn
  simrun check-history --model kv --json - < history.jsonl`),
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return c.checkHistory(args[0], j) },
	}
	f := cmd.Flags()
	f.StringVar(&j.model, "model", "", "judge as a `MODEL`")
	f.StringVar(&j.initial, "initial", "", "the object's `VALUE` at first, where the model has one; nothing, or 0 of a counter, if it is not said")
	f.BoolVar(&j.keyed, "keyed", false, "values are pairs of a key and a value, as in Jepsen's independent tests; of kv they always are")
	f.BoolVar(&j.others, "others", false, "leave out operations that the model does not know, in place of refusing them")
	f.DurationVar(&j.epsilon, "epsilon", 0, "the times are of clocks that are at most `TIME` off each other")
	f.Int64Var(&j.states, "states", 0, "try at most `N` states of each object where only a search can decide; 0 is 1,000,000")
	f.Int64Var(&j.bytes, "bytes", 0, "remember what was tried in at most `N` bytes; 0 is 256 MiB")
	f.BoolVar(&c.json, "json", false, "print the judgement as one JSON object")
	f.BoolVar(&c.quiet, "quiet", false, "print nothing but what is violated or unknown")
	return cmd
}

// names are those of all models.
func names() (names []string) {
	for _, m := range checkers.Models() {
		names = append(names, m.Name())
	}
	return names
}

func (c *call) checkHistory(file string, j judging) error {
	model, found := checkers.ModelNamed(j.model)
	switch {
	case j.model == "":
		return fmt.Errorf("--model is missing: it is one of %s", strings.Join(names(), ", "))
	case !found:
		return fmt.Errorf("there is no model %q: %s", j.model, decode.Suggest(j.model, names()))
	case j.epsilon < 0 || j.states < 0 || j.bytes < 0:
		return errors.New("--epsilon, --states and --bytes count from 0")
	}
	r, err := c.readHistory(file, j)
	if err != nil {
		return err
	}
	judgement, err := checkers.Linearizable(model, r.History, checkers.Options{States: j.states, Bytes: j.bytes, Initial: valueOf(j.initial), Others: j.others})
	if bad := (*checkers.BadOperation)(nil); errors.As(err, &bad) {
		place, _ := r.Place(bad.Operation.ID)
		hint := ""
		if strings.HasSuffix(bad.Problem, "no such operation") {
			hint = "; --others leaves out what the model does not know"
		}
		return &jepsen.Error{Name: called(file), Line: place.Line, Text: fmt.Sprintf("%s: %s%s", bad.Operation.Kind, bad.Problem, hint)}
	}
	if err != nil {
		return err
	}
	return c.tellJudgement(reports.NewJudgedHistory(called(file), j.model, r, judgement))
}

// called is the name of a file for people.
func called(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

// readHistory reads the file, or standard input.
func (c *call) readHistory(file string, j judging) (*jepsen.Recording, error) {
	o := jepsen.Options{Name: called(file), Notation: jepsen.NotationOf(file), Epsilon: j.epsilon, Keyed: j.keyed || j.model == "kv"}
	if file == "-" {
		return jepsen.Read(os.Stdin, o)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return jepsen.Read(f, o)
}

// valueOf is a value as it was typed: a whole number, nil, or a text.
func valueOf(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	if text == "" || text == "nil" || text == "null" {
		return nil
	}
	return text
}

func (c *call) tellJudgement(j *reports.JudgedHistory) error {
	c.verdict(scenarios.Verdict(j.Verdict))
	switch {
	case c.json:
		return c.encode(j)
	case c.quiet && j.Verdict == checkers.Holds:
		return nil
	default:
		return c.terminal().Judgement(j)
	}
}
