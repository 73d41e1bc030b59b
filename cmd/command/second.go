package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"simrun/scenarios"
	"simrun/sim"
)

// turnsCommand is what a second process runs: it answers which course runs take, as JSON, a line each. What
// hangs on the process (an address, the seed of a map, a clock) shows in no number of runs in one.
const turnsCommand = "turns"

// errand is what a second process is asked: to run a run, or for a stretch of the one that it ran last.
type errand struct {
	Seed    string               `json:"seed,omitempty"`
	Value   string               `json:"value,omitempty"`
	Varied  *scenarios.Variation `json:"varied,omitempty"`
	Options scenarios.RunOptions `json:"options"`
	Stretch *int                 `json:"stretch,omitempty"`
}

// answer is what it says.
type answer struct {
	Digest string            `json:"digest,omitempty"` // of the scenario; said once, at first
	Course *scenarios.Course `json:"course,omitempty"`
	Lines  []sim.Line        `json:"lines,omitempty"`
}

func (c *call) turnsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: turnsCommand, Hidden: true, Args: takes(1, 1), RunE: func(_ *cobra.Command, args []string) error {
		signal.Ignore(os.Interrupt) // whom it answers ends it
		s, err := c.loadOne(args[0])
		if err != nil {
			return err
		}
		return c.answer(s, os.Stdin)
	}}
	c.setFlag(cmd.Flags())
	return cmd
}

func (c *call) answer(s *scenario, in io.Reader) error {
	if err := c.encode(answer{Digest: s.Digest}); err != nil {
		return err
	}
	w := &sweep{call: c, scenario: s}
	var course *scenarios.Course
	for errands := json.NewDecoder(in); ; {
		var e errand
		if err := errands.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var a answer
		if e.Stretch == nil {
			run, err := w.rerun(e.Seed, e.Value, e.Varied, e.Options)
			if err != nil {
				return err
			}
			course = run.Course()
			a.Course = course
		} else {
			if course == nil || course.Recorded == nil {
				return errors.New("there is no recorded run")
			}
			var err error
			if a.Lines, err = course.Recorded(*e.Stretch); err != nil {
				return err
			}
		}
		if err := c.encode(a); err != nil {
			return err
		}
	}
}

// second is a second process of this program.
type second struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *json.Decoder
	errs tail
}

// crew are second processes, as many as are asked at once. They are started when they are needed.
type crew struct {
	name string // of the scenario, as it was given
	set  []string
	want string // the scenario's digest

	mu   sync.Mutex
	idle []*second
	all  []*second
}

// crew are second processes for a scenario's runs.
func (s *scenario) crew(c *call) *crew { return &crew{name: s.given, set: c.set, want: s.Digest} }

// hire gives a process that has nothing to do.
func (c *crew) hire() (*second, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.idle); n > 0 {
		p := c.idle[n-1]
		c.idle = c.idle[:n-1]
		return p, nil
	}
	p, err := c.start()
	if err != nil {
		return nil, fmt.Errorf("a second process: %w", err)
	}
	c.all = append(c.all, p)
	return p, nil
}

func (c *crew) start() (*second, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{turnsCommand}
	for _, set := range c.set {
		args = append(args, "--set", set)
	}
	p := &second{cmd: exec.Command(path, append(args, "--", c.name)...)}
	p.cmd.Stderr = &p.errs
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = json.NewDecoder(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	first, err := p.hear()
	if err == nil && first.Digest != c.want {
		err = errors.New("the scenario has changed since it was read")
	}
	if err != nil {
		p.end()
	}
	return p, err
}

// free takes a process back.
func (c *crew) free(p *second) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = append(c.idle, p)
}

// dismiss ends all processes.
func (c *crew) dismiss() {
	for _, p := range c.all {
		p.end()
	}
}

// verify has a run run once more in a second process.
func (c *crew) verify(run *scenarios.Run, varied *scenarios.Variation) (*scenarios.Run, error) {
	p, err := c.hire()
	if err != nil {
		return nil, err
	}
	defer c.free(p)
	verified, err := run.VerifyBy(func(o scenarios.RunOptions) (*scenarios.Course, error) {
		return p.run(errand{Seed: run.Result.Seed, Value: run.Result.Value, Varied: varied, Options: o})
	})
	if err != nil {
		return nil, fmt.Errorf("%s@%s in a second process: %w", run.Result.Scenario, run.Result.Seed, err)
	}
	return verified, nil
}

func (p *second) run(e errand) (*scenarios.Course, error) {
	a, err := p.ask(e)
	if err != nil {
		return nil, err
	}
	if a.Course == nil {
		return nil, errors.New("it says nothing of the run")
	}
	if e.Options.Record {
		a.Course.Recorded = func(stretch int) ([]sim.Line, error) {
			a, err := p.ask(errand{Stretch: &stretch})
			return a.Lines, err
		}
	}
	return a.Course, nil
}

func (p *second) ask(e errand) (answer, error) {
	if err := json.NewEncoder(p.in).Encode(e); err != nil {
		return answer{}, p.lost(err)
	}
	return p.hear()
}

func (p *second) hear() (a answer, err error) {
	if err := p.out.Decode(&a); err != nil {
		return a, p.lost(err)
	}
	return a, nil
}

// lost is why a process does not answer: what it said last.
func (p *second) lost(err error) error {
	ended := p.end()
	if text := strings.TrimSpace(p.errs.String()); text != "" {
		return fmt.Errorf("it does not answer (%v):\n%s", ended, text)
	}
	return fmt.Errorf("it does not answer: %w (%v)", err, ended)
}

func (p *second) end() error {
	_ = p.in.Close() // it ends by itself then, unless it is beyond that
	_ = p.cmd.Process.Kill()
	return p.cmd.Wait()
}

// tail keeps the end of what is written to it.
type tail struct{ text []byte }

const mostTail = 16 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if over := len(t.text) - mostTail; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.text) }
