package gearman

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Version is what the server says of itself.
const Version = "simrun-1.0"

// The text protocol: one line each, as gearadmin and those who watch a server by telnet send them. Commands and
// answers are gearmand's.

const okLine = "OK\r\n"

// commands are those of one word.
var commands = map[string]func(*server, []string) string{
	"status":         func(v *server, _ []string) string { return v.listStatus() },
	"prioritystatus": func(v *server, _ []string) string { return v.listPriorities() },
	"workers":        func(v *server, _ []string) string { return v.listWorkers() },
	"version":        func(*server, []string) string { return "OK " + Version + "\n" },
	"verbose":        func(v *server, _ []string) string { return "OK " + v.verbosity() + "\n" },
	"getpid":         func(v *server, _ []string) string { return fmt.Sprintf("OK %d\n", v.pid()) },
	"maxqueue":       (*server).setMaxQueue,
	"create":         (*server).createFunction,
	"drop":           (*server).dropFunction,
	"show":           (*server).show,
	"shutdown":       (*server).askToEnd,
}

// command answers one line.
func (v *server) command(s *session, line string) error {
	words := strings.Fields(line)
	if len(words) == 0 {
		s.sendText([]byte(unknownCommand("")))
		return nil
	}
	name := strings.ToLower(words[0])
	if name == "cancel" {
		v.cancel(s, words)
		return nil
	}
	run := commands[name]
	if run == nil {
		s.sendText([]byte(unknownCommand(words[0])))
		return nil
	}
	s.sendText([]byte(run(v, words)))
	return nil
}

func unknownCommand(name string) string {
	return "ERR UNKNOWN_COMMAND Unknown+server+command" + shown(name) + "\r\n"
}

func incomplete(name string) string {
	return "ERR INVALID_ARGUMENTS An+incomplete+set+of+arguments+was+sent+to+this+command+" + shown(name) + "\r\n"
}

// shown is a stranger's word, made harmless for terminals and short.
func shown(word string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, word[:min(len(word), 64)])
}

func (v *server) listStatus() string {
	var b strings.Builder
	for _, f := range v.functions.sorted() {
		fmt.Fprintf(&b, "%s\t%d\t%d\t%d\n", f.name, f.total, f.running, f.workers)
	}
	return b.String() + ".\n"
}

func (v *server) listPriorities() string {
	var b strings.Builder
	for _, f := range v.functions.sorted() {
		fmt.Fprintf(&b, "%s\t%d\t%d\t%d\t%d\n", f.name,
			f.queues[high].length, f.queues[normal].length+f.waiting, f.queues[low].length, f.workers)
	}
	return b.String() + ".\n"
}

func (v *server) listWorkers() string {
	var b strings.Builder
	for _, s := range v.sessionsInOrder() {
		host, _, err := net.SplitHostPort(s.Stream().RemoteAddr().String())
		if err != nil {
			host = "-"
		}
		id := "-"
		if len(s.id) > 0 {
			id = string(s.id)
		}
		fmt.Fprintf(&b, "%d %s %s :", s.number, host, id)
		for _, a := range s.abilities {
			b.WriteString(" " + a.function.name)
		}
		b.WriteByte('\n')
	}
	return b.String() + ".\n"
}

// verbosity is the name of the lowest level that the log takes.
func (v *server) verbosity() string {
	for _, level := range []struct {
		level slog.Level
		name  string
	}{{slog.LevelDebug, "DEBUG"}, {slog.LevelInfo, "INFO"}, {slog.LevelWarn, "WARNING"}} {
		if v.env.Log().Enabled(context.Background(), level.level) {
			return level.name
		}
	}
	return "ERROR"
}

// pid is the number of the server's process, where it runs as one; a simulated machine has but the first.
func (v *server) pid() int {
	if process, ok := v.env.(interface{ Pid() int }); ok {
		return process.Pid()
	}
	return 1
}

// setMaxQueue is maxqueue FUNCTION [SIZE | HIGH NORMAL LOW]. Without a size the default is restored.
func (v *server) setMaxQueue(words []string) string {
	if len(words) < 2 {
		return incomplete("maxqueue")
	}
	if checkName([]byte(words[1])) != nil {
		return "ERR INVALID_ARGUMENTS\r\n"
	}
	f := v.functions.find([]byte(words[1]))
	if f == nil {
		return "ERR QUEUE_ERROR Too+many+functions\r\n"
	}
	f.kept = true
	for p := range f.limits {
		f.limits[p] = v.config.MaxQueue
		at := p + 2
		if len(words) <= 3 {
			at = 2
		}
		if at < len(words) {
			n, _ := strconv.Atoi(words[at]) // what is no number is no limit, as in gearmand
			f.limits[p] = max(n, 0)
		}
	}
	return okLine
}

func (v *server) createFunction(words []string) string {
	if len(words) != 3 || !strings.EqualFold(words[1], "function") {
		return incomplete("create")
	}
	if checkName([]byte(words[2])) != nil {
		return "ERR CREATE_FUNCTION " + shown(words[2]) + "\r\n"
	}
	f := v.functions.find([]byte(words[2]))
	if f == nil {
		return "ERR CREATE_FUNCTION " + shown(words[2]) + "\r\n"
	}
	f.kept = true
	return okLine
}

func (v *server) dropFunction(words []string) string {
	if len(words) != 3 || !strings.EqualFold(words[1], "function") {
		return incomplete("drop")
	}
	f := v.functions.byName[words[2]]
	if f == nil {
		return "ERR function not found\r\n"
	}
	f.kept = false
	if !f.unused() {
		return "ERR there are still connected workers or executing clients\r\n"
	}
	delete(v.functions.byName, f.name)
	return okLine
}

func (v *server) show(words []string) string {
	switch {
	case len(words) == 2 && strings.EqualFold(words[1], "jobs"):
		return v.listJobs(func(j *job) string {
			return fmt.Sprintf("%s\t%d\t%d\t%d\n", j.handle, j.losses(), one(j.abandoned()), one(j.background))
		})
	case len(words) == 3 && strings.EqualFold(words[1], "unique") && strings.EqualFold(words[2], "jobs"):
		return v.listJobs(func(j *job) string { return shown(string(j.unique)) + "\n" })
	case len(words) == 1:
		return unknownCommand("show")
	}
	return "ERR UNKNOWN_SHOW_ARGUMENTS\r\n"
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// listJobs lists the jobs that may be told of, in the order of their submission.
func (v *server) listJobs(line func(*job) string) string {
	jobs := make([]*job, 0, len(v.jobs))
	for _, j := range v.jobs {
		if j.state != pending {
			jobs = append(jobs, j)
		}
	}
	slices.SortFunc(jobs, func(a, b *job) int { return cmp.Compare(a.number, b.number) })
	var b strings.Builder
	for _, j := range jobs {
		b.WriteString(line(j))
	}
	return b.String() + ".\n"
}

// cancel is cancel job HANDLE: those who wait for the job are told that it failed, and what a worker still says
// of it is not heard. It is answered when it is durable.
func (v *server) cancel(s *session, words []string) {
	if len(words) != 3 {
		s.sendText([]byte(unknownCommand("cancel")))
		return
	}
	if !strings.EqualFold(words[1], "job") {
		s.sendText([]byte("ERR UNKNOWN_ERROR\r\n"))
		return
	}
	j := v.jobs[words[2]]
	if j == nil || j.state == pending || j.state == ending {
		s.sendText([]byte("ERR UNKNOWN_JOB\r\n"))
		return
	}
	v.record.Note("job-cancelled")
	v.record.Reach(cancelled)
	v.conclude(j, WorkFail, nil)
	if j.state == ending && !s.Pause(func() error { return v.journal.Commit(v.last) }) {
		return
	}
	if j.state == ending {
		s.sendText([]byte("ERR QUEUE_ERROR The+journal+cannot+take+it+yet\r\n"))
		return
	}
	s.sendText([]byte(okLine))
}

// askToEnd is shutdown [graceful].
func (v *server) askToEnd(words []string) string {
	switch {
	case len(words) == 1:
		v.stop()
	case len(words) == 2 && strings.EqualFold(words[1], "graceful"):
		v.drain()
	default:
		return unknownCommand("shutdown")
	}
	return okLine
}
