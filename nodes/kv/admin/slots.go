package admin

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"simrun/nodes"
	"simrun/nodes/backoff"
	"simrun/nodes/kv"
	"simrun/nodes/resp"
)

// SlotOptions are the further keys of a workload line about slots.
type SlotOptions struct {
	Groups []string `yaml:"groups" doc:"the groups to which slots go, one of them drawn each time"`
	Keys   int      `yaml:"keys" doc:"slots are those of keys, one of so many drawn each time: prefix and a number from 1"`
	Prefix string   `yaml:"prefix" doc:"what these keys begin with; key- if empty"`
	Width  int      `yaml:"width" doc:"how many slots go at once, from that of the key on"`
}

// Validate says what cannot be meant.
func (o *SlotOptions) Validate() error {
	switch {
	case o.Keys < 1 || o.Keys > 10_000_000:
		return fmt.Errorf("keys: is not between 1 and 10000000")
	case o.Width < 1 || o.Width > kv.Slots:
		return fmt.Errorf("width: is not between 1 and %d", kv.Slots)
	case len(o.Prefix) > 256:
		return fmt.Errorf("prefix: longer than 256 bytes")
	}
	return nil
}

var errNoGroup = errors.New("kv: no group is said to which slots could go")

// move asks for slots to go to another group. It is ok once a group has noted it, or none has any of them to give.
func (a *admin) move(op nodes.Op, _ string, request nodes.Request, luck uint64) {
	o, _ := request.Options.(*SlotOptions)
	if o == nil || len(o.Groups) == 0 {
		op.Fail(errNoGroup, slog.Bool("own", true))
		return
	}
	prefix := o.Prefix
	if prefix == "" {
		prefix = "key-"
	}
	group := o.Groups[luck%uint64(len(o.Groups))]
	first := kv.Slot([]byte(prefix + strconv.FormatUint(luck>>16%uint64(o.Keys)+1, 10)))
	slots := strconv.Itoa(first)
	if last := min(first+o.Width-1, kv.Slots-1); last > first {
		slots += "-" + strconv.Itoa(last)
	}
	op.Note("chosen", slog.String("slots", slots), slog.String("group", group))
	q := question{words: []string{"SHARDS", "MOVE", slots, group}}
	a.insist(op, &q, func(answer *resp.Value) ([]slog.Attr, bool) {
		a.env.Record().Sometimes(moved, answer.Int > 0)
		return []slog.Attr{slog.Int64("slots", answer.Int)}, answer.Kind == resp.Integer
	})
}

// settled is ok where no group has slots to give any more: each is asked of its leader, by any of its servers.
func (a *admin) settled(op nodes.Op, _ string, _ nodes.Request, _ uint64) {
	said := 0
	for _, s := range a.config.Servers {
		q := question{words: []string{"SHARDS", "STATUS"}}
		answer, err := a.ask(&q, address(string(s)))
		if err != nil {
			continue // another of its group will say
		}
		if text := string(answer.Text); strings.Contains(text, " giving ") || strings.Contains(text, " handing over ") || strings.Contains(text, " wanted") {
			op.Fail(errUnderWay)
			return
		}
		said++
	}
	if said*2 <= len(a.config.Servers) {
		op.Fail(errUnreachable)
		return
	}
	op.Ok()
}

var errUnderWay = errors.New("kv: slots are still on their way")

// insist asks until an answer is taken, or patience ends.
func (a *admin) insist(op nodes.Op, q *question, takes func(*resp.Value) ([]slog.Attr, bool)) {
	pause := backoff.Backoff{Least: a.config.BackoffMin, Most: a.config.BackoffMax}
	until, last := a.env.Mark().Add(a.config.Patience), errUnreachable
	for try := 0; !a.stopping && a.env.Mark() < until; try++ {
		if try > 0 {
			a.env.Record().Reach(askedTwice)
		}
		answer, err := a.askAny(q)
		if err == nil {
			if out, enough := takes(&answer); enough {
				op.Ok(out...)
				return
			}
			err = fmt.Errorf("kv: %s is no answer to that", answer)
		}
		last = err
		if a.env.Sleep(pause.Next(a.env.Rand())) != nil {
			break
		}
	}
	a.env.Record().Reach(outOfTime)
	end(op, q.open, last)
}
