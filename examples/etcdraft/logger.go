package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// logger is a node's log as the library has it. What it calls fatal, and what makes it panic, is a panic of the node, which
// is a finding.
type logger struct{ log *slog.Logger }

func (l logger) say(level slog.Level, text func(v ...any) string, v []any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, "etcd: "+strings.TrimSpace(text(v...)))
	}
}

func (l logger) sayf(level slog.Level, format string, v []any) {
	l.say(level, func(v ...any) string { return fmt.Sprintf(format, v...) }, v)
}

func (l logger) Debug(v ...any)                   { l.say(slog.LevelDebug, fmt.Sprint, v) }
func (l logger) Debugf(format string, v ...any)   { l.sayf(slog.LevelDebug, format, v) }
func (l logger) Info(v ...any)                    { l.say(slog.LevelInfo, fmt.Sprint, v) }
func (l logger) Infof(format string, v ...any)    { l.sayf(slog.LevelInfo, format, v) }
func (l logger) Warning(v ...any)                 { l.say(slog.LevelWarn, fmt.Sprint, v) }
func (l logger) Warningf(format string, v ...any) { l.sayf(slog.LevelWarn, format, v) }
func (l logger) Error(v ...any)                   { l.say(slog.LevelError, fmt.Sprint, v) }
func (l logger) Errorf(format string, v ...any)   { l.sayf(slog.LevelError, format, v) }
func (l logger) Fatal(v ...any)                   { panic("etcd: " + fmt.Sprint(v...)) }
func (l logger) Fatalf(format string, v ...any)   { panic("etcd: " + fmt.Sprintf(format, v...)) }
func (l logger) Panic(v ...any)                   { panic("etcd: " + fmt.Sprint(v...)) }
func (l logger) Panicf(format string, v ...any)   { panic("etcd: " + fmt.Sprintf(format, v...)) }
