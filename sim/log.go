package sim

import (
	"context"
	"log/slog"
	"strings"
)

// logHandler puts a node's log into the event log of a recorded world, with the host's own time. Without
// one, nothing is enabled and nothing is formatted.
type logHandler struct {
	life  *life
	attrs []slog.Attr
	group string
}

func (l *logHandler) Enabled(context.Context, slog.Level) bool {
	return l.life.host.world.trace.recording && !l.life.dead
}

func (l *logHandler) Handle(ctx context.Context, r slog.Record) error {
	h := l.life.host
	if !h.world.trace.wants() {
		return nil
	}
	r.Time = h.clock.Wall(h.world.now)
	var text strings.Builder
	text.WriteString(r.Level.String() + " " + r.Message)
	write := func(a slog.Attr) bool {
		text.WriteString(" " + l.group + a.Key + "=" + a.Value.Resolve().String())
		return true
	}
	for _, a := range l.attrs {
		write(a)
	}
	r.Attrs(write)
	h.world.record(h.Name, "log", "", text.String(), 0)
	return nil
}

func (l *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *l
	c.attrs = append(c.attrs[:len(c.attrs):len(c.attrs)], attrs...)
	return &c
}

func (l *logHandler) WithGroup(name string) slog.Handler {
	c := *l
	c.group += name + "."
	return &c
}
