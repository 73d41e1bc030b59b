// Package wording answers how verdicts and stories put times, counts and names into words.
package wording

import (
	"fmt"
	"time"

	"simrun/nodes"
	"simrun/nodes/history"
)

// Stamp is a time as stories write it: 14.310s.
func Stamp(t history.Time) string {
	if t == history.Never {
		return "the end"
	}
	return fmt.Sprintf("%.3fs", t.Round(time.Millisecond).Seconds())
}

// Count is a number with its noun: 1 job, 2,214 jobs.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Thousands(n) + " " + noun + "s"
}

func Thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Brief is a duration with as many digits as a person wants.
func Brief(d time.Duration) string {
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

// Short cuts a text that is too long for a line, and says so.
func Short(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func Some(hosts []string) string {
	switch len(hosts) {
	case 0:
		return "nobody"
	case 1:
		return hosts[0]
	case 2:
		return hosts[0] + ", " + hosts[1]
	default:
		return fmt.Sprintf("%s and %d others", hosts[0], len(hosts)-1)
	}
}
