package checks

import (
	"cmp"
	"log/slog"
	"slices"
	"strings"

	"simrun/checkers/evidence"
	"simrun/nodes/history"
)

func (s *story) operation(w []string) {
	arrow := slices.Index(w, "->")
	if arrow < 0 {
		s.fail("an operation needs an outcome")
	}
	in, out := w[:arrow], w[arrow+1:]
	switch in[0] {
	case "submit", "submit-background", "retry":
		s.submission(in, out)
	case "execute":
		s.execution(in, out)
	case "read", "write", "add", "delete":
		s.access(in, out)
	case "status":
		o := s.open(in[1], "status", nil, slog.String("server", in[2]), slog.String("handle", in[3]))
		o.Outcome, o.Return = history.Ok, s.time(out[1])
		o.Out = []slog.Attr{slog.Bool("known", out[0] != "unknown"), slog.Bool("running", out[0] == "running")}
	default:
		if !s.data(in, out) {
			s.fail("no such operation %q", in[0])
		}
	}
}

func (s *story) submission(in, out []string) {
	name, client, server := in[1], in[2], in[3]
	background := slices.Contains(in, "background")
	request := s.requests[name]
	if in[0] != "retry" {
		ground := "foreground"
		if background {
			ground = "background"
		}
		request = s.open(client, in[0], nil, slog.String("variant", ground), slog.Bool("background", background))
		request.Request = request.ID
		s.requests[name] = request
	}
	priority := "normal"
	for _, p := range []string{"high", "low"} {
		if slices.Contains(in, p) {
			priority = p
		}
	}
	payload := cmp.Or(option(in, "payload"), name)
	a := s.open(client, "attempt", request, slog.String("server", server), slog.String("function", cmp.Or(option(in, "function"), "work")),
		slog.String("unique", option(in, "unique")), slog.String("payload", payload), slog.Bool("background", background),
		slog.String("priority", priority))
	handle, created, told := strings.Cut(option(in, "handle"), "@")
	if told {
		a.Notes = append(a.Notes, history.Note{At: s.time(created), Name: "created", Attrs: []slog.Attr{slog.String("handle", handle)}})
	}
	s.close(a, out)
	if a.Outcome == history.Ok {
		a.Out = append(a.Out, slog.String("server", server), slog.String("handle", handle))
		if !background && out[0] == "ok" {
			a.Out = append(a.Out, slog.String("result", cmp.Or(option(out, "result"), "r("+payload+")")))
		}
	}
	request.Outcome, request.Return, request.Reason, request.Out = a.Outcome, a.Return, a.Reason, a.Out
}

func (s *story) execution(in, out []string) {
	worker, server, handle := in[1], in[2], in[3]
	function, unique, payload := "work", "", cmp.Or(option(in, "of"), handle)
	for _, o := range s.h.Operations {
		if n := o.NoteNamed("created"); n != nil && evidence.Text(n.Attr("handle")) == handle && evidence.Text(o.Input("server")) == server {
			function, unique, payload = evidence.Text(o.Input("function")), evidence.Text(o.Input("unique")), evidence.Text(o.Input("payload"))
			break
		}
	}
	payload = cmp.Or(option(in, "payload"), payload)
	x := s.open(worker, "execute", nil, slog.String("server", server), slog.String("handle", handle),
		slog.String("function", cmp.Or(option(in, "function"), function)), slog.String("unique", cmp.Or(option(in, "unique"), unique)), slog.String("payload", payload))
	s.close(x, out)
	if out[0] == "ok" {
		x.Out = append(x.Out, slog.String("result", cmp.Or(option(out, "result"), "r("+payload+")")))
	}
}

// access is an operation on a key of a store.
func (s *story) access(in, out []string) {
	key, value, written := strings.Cut(in[2], "=")
	attrs := []slog.Attr{slog.String("key", key)}
	if written {
		attrs = append(attrs, slog.String("value", value))
	}
	o := s.open(in[1], in[0], nil, attrs...)
	s.close(o, out)
	if o.Outcome != history.Ok {
		return
	}
	if value := option(out, "value"); strings.HasPrefix(value, "[") {
		list := []any{}
		for _, element := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune("[,]", r) }) {
			list = append(list, element)
		}
		o.Out = append(o.Out, slog.Any("value", list))
	} else if value != "" {
		o.Out = append(o.Out, slog.String("value", value))
	}
	if version := option(out, "version"); version != "" {
		o.Out = append(o.Out, slog.Int("version", s.number(version)))
	}
}

func (s *story) open(host, kind string, parent *history.Operation, in ...slog.Attr) *history.Operation {
	s.host(host)
	s.ids++
	o := &history.Operation{ID: s.ids, Host: host, Kind: kind, In: in, Call: s.at, Return: history.Never}
	if parent != nil {
		o.Parent, o.Request = parent.ID, parent.Request
	}
	s.h.Operations = append(s.h.Operations, o)
	return o
}

func (s *story) close(o *history.Operation, out []string) {
	if out[0] == "pending" || out[0] == "died" {
		return
	}
	o.Return = s.time(out[1])
	switch out[0] {
	case "ok":
		o.Outcome = history.Ok
	case "failed":
		o.Outcome, o.Out = history.Ok, []slog.Attr{slog.Bool("failed", true)}
	case "unknown", "lost":
		o.Outcome, o.Reason = history.Unknown, "connection reset by peer"
	case "fail":
		o.Outcome, o.Reason = history.Fail, "connection refused"
	default:
		s.fail("no such outcome %q", out[0])
	}
}
