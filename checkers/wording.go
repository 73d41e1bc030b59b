package checkers

import (
	"fmt"
	"time"

	"simrun/nodes"
	"simrun/nodes/history"
)

// stamp is a time as stories write it: 14.310s.
func stamp(t history.Time) string {
	if t == history.Never {
		return "the end"
	}
	return fmt.Sprintf("%.3fs", t.Round(time.Millisecond).Seconds())
}

// count is a number with its noun: 1 job, 2,214 jobs.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// brief is a duration with as many digits as a person wants.
func brief(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return d.Round(time.Hour).String()
	case d >= time.Minute:
		return nodes.Short(d.Round(time.Second))
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Millisecond).String()
	}
}

// short cuts a text that is too long for a line, and says so.
func short(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
