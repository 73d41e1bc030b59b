package command

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/objects"
	"simrun/nodes/history"
	"simrun/nodes/history/jepsen"
	"simrun/reports"
	"simrun/scenarios"
	"simrun/scenarios/decode"
)

// judging is what the flags of check-history say.
type judging struct {
	model, check  string
	initial       string
	keyed, others bool
	epsilon       time.Duration
	states, bytes int64
}

func (c *call) historyCommand() *cobra.Command {
	var j judging
	cmd := &cobra.Command{
		Use:                   "check-history --model MODEL|--check CHECK FILE",
		DisableFlagsInUseLine: true,
		Short:                 "Judge a history that was recorded anywhere, also by Jepsen",
		Long: `Check-history reads what clients of some system did and were told, and says whether an object of the
MODEL could have answered them so. Or it asks a CHECK, as a claim of a scenario names one. FILE is the
history.jsonl of a run, or what Jepsen leaves (history.edn); - is standard input. It ends with 0 if the
model holds, 1 if it is violated, 3 if nobody can say, and 2 if the file is broken.

The models are ` + wrapped(names(), 100) + `.`,
		Example: c.example(`  simrun check-history --model register history.edn
  simrun check-history --model kv --json - < history.jsonl
  simrun check-history --check '{transactions: snapshot-isolation}' history.edn`),
		Args: takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error { return c.checkHistory(args[0], j) },
	}
	f := cmd.Flags()
	f.StringVar(&j.model, "model", "", "judge as a `MODEL`")
	f.StringVar(&j.check, "check", "", "ask this `CHECK` in place of a model: durable, or {durable: write, within: 5s}")
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

// checked are the models that are a check's business, by the name that Jepsen's users know.
var checked = map[string]string{"list-append": "transactions", "kafka": "sound-log", "session": "sessions"}

// names are those of all models.
func names() (names []string) {
	for _, m := range objects.Models() {
		names = append(names, m.Name())
	}
	return append(names, slices.Sorted(maps.Keys(checked))...)
}

// wrapped is names in lines of a width.
func wrapped(names []string, width int) string {
	var b strings.Builder
	column := len("The models are ")
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
			if column += len(name) + 2; column >= width {
				b.WriteByte('\n')
				column = len(name)
			} else {
				b.WriteByte(' ')
			}
		}
		b.WriteString(name)
	}
	return b.String()
}

// judge is what judges a history: a model or a check. It has a name, and says what it cannot read.
type judge struct {
	name  string
	keyed bool // values are pairs of a key and a value
	of    func(h *history.History) (checkers.Judgement, error)
}

// judge finds what was asked for.
func (c *call) judge(j judging) (judge, error) {
	model, found := objects.ModelNamed(j.model)
	name := checked[j.model]
	switch {
	case (j.model == "") == (j.check == ""):
		return judge{}, fmt.Errorf("say --model or --check; models are %s", strings.Join(names(), ", "))
	case j.epsilon < 0 || j.states < 0 || j.bytes < 0:
		return judge{}, errors.New("--epsilon, --states and --bytes count from 0")
	case found:
		o := objects.Options{States: j.states, Bytes: j.bytes, Initial: valueOf(j.initial), Others: j.others}
		return judge{j.model, j.keyed || j.model == "kv", func(h *history.History) (checkers.Judgement, error) {
			return objects.Linearizable(model, h, o)
		}}, nil
	case j.model != "" && name == "":
		return judge{}, fmt.Errorf("there is no model %q: %s", j.model, decode.Suggest(j.model, names()))
	}
	name, check, err := c.Catalog.ReadCheck("--check", cmp.Or(j.check, name))
	if err != nil {
		return judge{}, err
	}
	return judge{cmp.Or(j.model, name), j.keyed || j.model == "session", func(h *history.History) (checkers.Judgement, error) {
		found := check.Judge(evidence.Gather(h))
		if found.Bad != nil {
			return found, found.Bad
		}
		return found, nil
	}}, nil
}

func (c *call) checkHistory(file string, j judging) error {
	by, err := c.judge(j)
	if err != nil {
		return err
	}
	r, err := c.readHistory(file, jepsen.Options{Name: called(file), Notation: jepsen.NotationOf(file), Epsilon: j.epsilon, Keyed: by.keyed})
	if err != nil {
		return err
	}
	found, err := by.of(r.History)
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
	return c.tellJudgement(reports.NewJudgedHistory(called(file), by.name, r, found))
}

// called is the name of a file for people.
func called(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

// readHistory reads the file, or standard input.
func (c *call) readHistory(file string, o jepsen.Options) (*jepsen.Recording, error) {
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
